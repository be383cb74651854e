select
    portal_id,
    time_zone,
    company_currency,
    -- the site's own hosts, where the settings name them
    coalesce(from_json(domains, '["VARCHAR"]'), []) as domains
from {{ source('hubspot', 'account') }}
