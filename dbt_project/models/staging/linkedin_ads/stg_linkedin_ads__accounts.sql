select
    id as account_id,
    name as account_name,
    currency,
    {{ time_zone('reporting_time_zone') }} as time_zone
from {{ source('linkedin_ads', 'ad_accounts') }}
