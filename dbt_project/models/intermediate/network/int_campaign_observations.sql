select
    network,
    account_id,
    campaign_id,
    date,
    impressions,
    clicks,
    spend,
    conversions,
    observed_at,
    superseded_at,
    is_day_marker
from ({{ union_networks('int_{network}__campaign_observations') }}) as networks
