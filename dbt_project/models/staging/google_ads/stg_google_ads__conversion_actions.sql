select
    customer_id as account_id,
    id as conversion_action_id,
    name as conversion_action_name,
    status,
    category as action_category,
    coalesce(include_in_conversions_metric, false) as is_in_headline,
    counting_type,
    click_through_lookback_window_days as click_window_days,
    view_through_lookback_window_days as view_window_days
from {{ source('google_ads', 'conversion_actions') }}
