select
    account_id,
    id as conversion_action_id,
    name as conversion_action_name,
    type as action_category,
    coalesce(enabled, false) as is_enabled,
    -- versions that were observed before this column was read
    coalesce(conversion_method, lead(conversion_method ignore nulls) over later_versions) as conversion_method,
    attribution_type,
    {{ window_days('post_click_window_days') }} as click_window_days,
    {{ window_days('view_through_window_days') }} as view_window_days,
    observed_at,
    superseded_at
from {{ source('linkedin_ads', 'conversions') }}
window later_versions as (partition by account_id, id order by observed_at)
