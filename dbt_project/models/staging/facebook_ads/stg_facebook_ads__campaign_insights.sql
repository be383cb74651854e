select
    account_id,
    date,
    campaign_id,
    impressions,
    clicks,
    spend,
    attribution_setting,
    actions,
    action_values,
    observed_at
from {{ source('facebook_ads', 'insights_campaign') }}
where {{ current_figures() }}
