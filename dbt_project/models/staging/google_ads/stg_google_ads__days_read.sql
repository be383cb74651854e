select distinct
    customer_id as account_id,
    date
from {{ source('google_ads', 'campaign_conversions') }}
where is_day_marker and observed_at <= {{ as_of() }}
