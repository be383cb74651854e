select
    account_id,
    date,
    campaign_id,
    adset_id as ad_group_id,
    ad_id,
    impressions,
    clicks,
    spend,
    attribution_setting,
    actions,
    action_values,
    observed_at
from {{ source('facebook_ads', 'insights_ad') }}
where {{ current_figures() }}
