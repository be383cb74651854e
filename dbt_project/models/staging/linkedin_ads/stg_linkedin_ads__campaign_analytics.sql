select
    account_id,
    date,
    campaign_id as ad_group_id,
    impressions,
    clicks,
    cost as spend,
    external_website_conversions,
    one_click_leads,
    observed_at
from {{ source('linkedin_ads', 'campaign_analytics') }}
where {{ current_figures() }}
