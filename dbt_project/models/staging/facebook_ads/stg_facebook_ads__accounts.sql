select
    account_id,
    name as account_name,
    currency,
    {{ time_zone('timezone_name') }} as time_zone
from {{ source('facebook_ads', 'ad_accounts') }}
