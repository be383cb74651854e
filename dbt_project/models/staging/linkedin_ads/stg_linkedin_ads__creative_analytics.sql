select
    account_id,
    date,
    creative_id as ad_id,
    impressions,
    clicks,
    landing_page_clicks,
    cost as spend,
    external_website_conversions,
    one_click_leads,
    one_click_lead_form_opens as lead_form_opens,
    qualified_leads,
    observed_at
from {{ source('linkedin_ads', 'creative_analytics') }}
where {{ current_figures() }}
