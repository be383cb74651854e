select
    portal_id,
    {{ time_zone('time_zone') }} as time_zone,
    company_currency,
    -- the site's own hosts from the settings; null if not set
    coalesce(from_json(domains, '["VARCHAR"]'), []) as domains
from {{ source('hubspot', 'account') }}
