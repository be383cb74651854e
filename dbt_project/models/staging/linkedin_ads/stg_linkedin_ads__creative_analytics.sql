select
    account_id,
    date,
    creative_id as ad_id,
    impressions,
    clicks,
    cost as spend,
    external_website_conversions,
    one_click_leads,
    observed_at
from {{ source('linkedin_ads', 'creative_analytics') }}
where {{ current_figures() }}
