select
    {{ campaign_key() }},
    date,
    impressions,
    clicks,
    spend,
    conversions,
    observed_at,
    superseded_at,
    is_day_marker
from ({{ union_networks('int_{network}__campaign_observations') }}) as networks
