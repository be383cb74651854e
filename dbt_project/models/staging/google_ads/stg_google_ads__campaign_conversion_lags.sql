select
    customer_id as account_id,
    date,
    campaign_id,
    conversion_action_id,
    conversion_lag_bucket,
    coalesce(cast(conversions as decimal(18, 6)), 0) as conversions,
    cast(all_conversions as decimal(18, 6)) as all_conversions,
    observed_at
from {{ source('google_ads', 'campaign_conversion_lags') }}
where {{ current_figures() }}
