{{ config(severity='warn', store_failures=true, meta={'dagster': {'ref': {'name': 'restatements'}}}) }}

with windows as (
    select
        network,
        account_id,
        max(greatest(coalesce(click_window_days, 0), coalesce(view_window_days, 0))) as days
    from {{ ref('dim_conversion_action') }}
    group by network, account_id
),

moved as (
    select
        restatements.*,
        coalesce(windows.days, 0) + {{ by_network('restated_days', 'restatements.network') }} as final_after_days
    from {{ ref('restatements') }} as restatements
    left join windows on restatements.network = windows.network and restatements.account_id = windows.account_id
    where restatements.observed_at > {{ as_of() }} - to_days({{ setting("alarm_days") }})
)

select
    network,
    account_id,
    campaign_id,
    date,
    metric,
    network || ' account ' || account_id || ', campaign ' || campaign_id || ': ' || metric || ' of ' || date || ' changed from '
    || round(previous_value, 2) || ' to ' || round(value, 2) || ' after ' || days_after || ' days, but should be final after '
    || final_after_days || ' days. Ask the network''s support, and update reports that contain this day.' as message
from moved
where days_after > final_after_days
