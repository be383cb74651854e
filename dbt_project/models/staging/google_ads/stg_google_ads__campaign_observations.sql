select
    customer_id as account_id,
    campaign_id,
    date,
    impressions,
    clicks,
    cast(cast(cost_micros as decimal(18, 0)) * 0.000001 as decimal(18, 6)) as spend,
    coalesce(cast(conversions as decimal(18, 6)), 0) as conversions,
    observed_at,
    superseded_at,
    is_day_marker
from {{ source('google_ads', 'campaign_metrics') }}
