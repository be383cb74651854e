select
    customer_id as account_id,
    campaign_id,
    date,
    {{ google_figures() }},
    observed_at,
    superseded_at,
    is_day_marker
from {{ source('google_ads', 'campaign_metrics') }}
