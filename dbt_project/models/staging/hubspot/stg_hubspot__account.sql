select
    portal_id,
    time_zone,
    company_currency as home_currency
from {{ source('hubspot', 'account') }}
