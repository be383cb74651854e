select
    customer_id as account_id,
    date,
    min(observed_at) as first_read_at
from {{ source('google_ads', 'campaign_conversions') }}
where is_day_marker and observed_at <= {{ as_of() }}
group by all
