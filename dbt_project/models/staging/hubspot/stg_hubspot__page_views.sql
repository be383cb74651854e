select
    id as event_id,
    object_id as contact_id,
    occurred_at,
    hs_url as url,
    nullif(hs_referrer, '') as referrer
from {{ source('hubspot', 'page_view_events') }}
where
    event_type = 'e_visited_page'
    and object_type = 'CONTACT'
    and occurred_at <= {{ as_of() }}
