select
    id as account_id,
    name as account_name,
    currency,
    reporting_time_zone as time_zone
from {{ source('linkedin_ads', 'ad_accounts') }}
