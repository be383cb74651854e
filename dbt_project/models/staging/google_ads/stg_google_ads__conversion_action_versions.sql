select
    customer_id as account_id,
    id as conversion_action_id,
    name as conversion_action_name,
    status,
    type as conversion_action_type,
    category as action_category,
    origin,
    coalesce(include_in_conversions_metric, false) as is_in_headline,
    coalesce(primary_for_goal, false) as is_primary,
    counting_type,
    attribution_model,
    {{ window_days('click_through_lookback_window_days') }} as click_window_days,
    {{ window_days('view_through_lookback_window_days') }} as view_window_days,
    -- versions that were observed before this column was read
    coalesce(owner_customer_id, lead(owner_customer_id ignore nulls) over later_versions) as owner_account_id,
    observed_at,
    superseded_at
from {{ source('google_ads', 'conversion_actions') }}
window later_versions as (partition by customer_id, id order by observed_at)
