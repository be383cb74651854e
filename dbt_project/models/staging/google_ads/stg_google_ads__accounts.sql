select
    customer_id as account_id,
    descriptive_name as account_name,
    currency_code as currency,
    {{ time_zone('time_zone') }} as time_zone
from {{ source('google_ads', 'customers') }}
where manager is not true
