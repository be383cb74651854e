select
    customer_id as account_id,
    date,
    campaign_id,
    {{ google_figures() }},
    {{ amount('all_conversions') }} as all_conversions,
    view_through_conversions,
    observed_at
from {{ source('google_ads', 'campaign_metrics') }}
where {{ current_figures() }}
