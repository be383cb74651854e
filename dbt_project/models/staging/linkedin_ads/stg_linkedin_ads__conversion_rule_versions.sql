select
    account_id,
    id as conversion_action_id,
    name as conversion_action_name,
    type as action_category,
    coalesce(enabled, false) as is_enabled,
    conversion_method,
    attribution_type,
    {{ window_days('post_click_window_days') }} as click_window_days,
    {{ window_days('view_through_window_days') }} as view_window_days,
    observed_at,
    superseded_at
from {{ source('linkedin_ads', 'conversions') }}
