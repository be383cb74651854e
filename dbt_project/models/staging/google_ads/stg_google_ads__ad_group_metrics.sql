select
    customer_id as account_id,
    date,
    campaign_id,
    ad_group_id,
    impressions,
    clicks,
    cast(cast(cost_micros as decimal(18, 0)) * 0.000001 as decimal(18, 6)) as spend,
    coalesce(cast(conversions as decimal(18, 6)), 0) as conversions,
    cast(all_conversions as decimal(18, 6)) as all_conversions,
    view_through_conversions,
    observed_at
from {{ source('google_ads', 'ad_group_metrics') }}
where {{ current_figures() }}
