select
    account_id,
    campaign_id as ad_group_id,
    date,
    impressions,
    clicks,
    cost as spend,
    external_website_conversions + one_click_leads as conversions,
    observed_at,
    superseded_at,
    is_day_marker
from {{ source('linkedin_ads', 'campaign_analytics') }}
