with windowed as (
    select
        actions.*,
        headline.action_name,
        headline.action_category,
        headline.is_lead_form,
        coalesce(
            windows.click_window_days,
            try_cast(nullif(regexp_extract(actions.attribution_setting, '([0-9]+)d_click', 1), '') as integer),
            {{ by_network('default_click_window_days', "'facebook_ads'") }}
        ) as click_window_days,
        windows.view_window_days,
        coalesce(origins.is_uploaded, false) as is_uploaded
    from {{ ref('int_facebook_ads__actions') }} as actions
    inner join {{ ref('facebook_headline_actions') }} as headline on actions.action_type = headline.action_type
    left join {{ ref('int_facebook_ads__ad_set_windows') }} as windows
        on
            actions.account_id = windows.account_id
            and actions.ad_group_id = windows.ad_group_id
            and {{ holds_on('windows', 'actions.date') }}
    left join {{ ref('int_conversion_actions') }} as origins
        on
            origins.network = 'facebook_ads'
            and actions.account_id = origins.account_id
            and actions.action_type = origins.conversion_action_id
            and {{ holds_on('origins', 'actions.date') }}
),

split as (
    select
        *,
        least(
            total, greatest(0, case click_window_days when 1 then clicks_1d when 28 then clicks_28d else clicks_7d end)
        ) as clicks
    from windowed
),

valued as (
    -- one share is rounded, the other is the remainder, so that both add up
    select
        *,
        try({{ amount('value * clicks / nullif(total, 0)') }}) as click_value
    from split
),

events as (
    select
        * exclude (value),
        unnest(
            case
                when is_lead_form then [{ 'event_type': 'lead_form', 'conversions': total, 'value': value }]
                -- uploads have precedence over views: docs/contract.md, section 5
                when is_uploaded then [{ 'event_type': 'uploaded', 'conversions': total, 'value': value }]
                else [
                    { 'event_type': 'click', 'conversions': clicks, 'value': click_value },
                    { 'event_type': 'view', 'conversions': total - clicks, 'value': value - click_value }
                ]
            end
        ) as event
    from valued
)

select
    {{ ad_day() }},
    action_type as conversion_action_id,
    action_name as conversion_action_name,
    action_category,
    event.event_type,
    true as counts_in_headline,
    event.conversions,
    {{ amount('null') }} as conversions_by_conversion_date,
    event.value,
    click_window_days,
    view_window_days,
    observed_at
from events
where event.conversions != 0
