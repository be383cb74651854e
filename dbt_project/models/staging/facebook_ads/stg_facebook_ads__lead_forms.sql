select
    page_id,
    id as form_id,
    name as form_name,
    status,
    created_time as created_at,
    leads_count,
    organic_leads_count
from {{ source('facebook_ads', 'lead_forms') }}
