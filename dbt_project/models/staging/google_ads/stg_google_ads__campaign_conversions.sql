select
    customer_id as account_id,
    date,
    campaign_id,
    {{ google_action_figures() }}
from {{ source('google_ads', 'campaign_conversions') }}
where {{ current_figures() }}
