select
    customer_id as account_id,
    date,
    campaign_id,
    conversion_action_id,
    conversion_lag_bucket,
    {{ amount('conversions') }} as conversions,
    {{ amount('all_conversions') }} as all_conversions,
    observed_at
from {{ source('google_ads', 'campaign_conversion_lags') }}
where {{ current_figures() }}
