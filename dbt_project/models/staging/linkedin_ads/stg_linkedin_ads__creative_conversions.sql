select
    account_id,
    date,
    creative_id as ad_id,
    conversion_id as conversion_action_id,
    external_website_conversions,
    external_website_post_view_conversions as post_view_conversions,
    conversion_value,
    observed_at
from {{ source('linkedin_ads', 'creative_conversions') }}
where {{ current_figures() }}
