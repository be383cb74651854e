select
    id as form_id,
    name as form_name,
    -- HubSpot adds types
    case
        when form_type in ('hubspot', 'captured', 'flow', 'blog_comment', 'lead_ad') then form_type else 'unknown'
    end as form_type
from {{ source('hubspot', 'forms') }}
