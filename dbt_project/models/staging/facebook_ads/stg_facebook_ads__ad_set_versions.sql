with specs as (
    select
        account_id,
        campaign_id,
        id as ad_group_id,
        name as ad_group_name,
        effective_status as status,
        coalesce(from_json(attribution_spec, '[{"event_type":"VARCHAR","window_days":"INTEGER"}]'), []) as windows,
        observed_at,
        superseded_at
    from {{ source('facebook_ads', 'ad_sets') }}
    where observed_at <= {{ as_of() }}
)

select
    account_id,
    campaign_id,
    ad_group_id,
    ad_group_name,
    status,
    {{ window_days("list_filter(windows, lambda entry: entry.event_type = 'CLICK_THROUGH')[1].window_days") }}
        as click_window_days,
    {{ window_days("list_filter(windows, lambda entry: entry.event_type = 'VIEW_THROUGH')[1].window_days") }}
        as view_window_days,
    observed_at,
    superseded_at
from specs
