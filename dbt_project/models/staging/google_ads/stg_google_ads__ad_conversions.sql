select
    customer_id as account_id,
    date,
    campaign_id,
    ad_group_id,
    ad_id,
    {{ google_action_figures() }}
from {{ source('google_ads', 'ad_conversions') }}
where {{ current_figures() }}
