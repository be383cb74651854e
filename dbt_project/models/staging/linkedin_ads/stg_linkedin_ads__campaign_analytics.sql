select
    account_id,
    date,
    campaign_id as ad_group_id,
    impressions,
    clicks,
    landing_page_clicks,
    cost as spend,
    external_website_conversions,
    external_website_post_view_conversions as post_view_conversions,
    conversion_value,
    one_click_leads,
    one_click_lead_form_opens as lead_form_opens,
    qualified_leads,
    observed_at
from {{ source('linkedin_ads', 'campaign_analytics') }}
where {{ current_figures() }}
