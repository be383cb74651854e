select
    account_id,
    campaign_id,
    date,
    impressions,
    clicks,
    spend,
    actions,
    observed_at,
    superseded_at,
    is_day_marker
from {{ source('facebook_ads', 'insights_campaign') }}
