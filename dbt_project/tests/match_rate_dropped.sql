{{ config(severity='warn', store_failures=true, meta={'dagster': {'ref': {'name': 'match_rates'}}}) }}

with periods as (
    select
        network,
        account_id,
        date > {{ day_in(as_of(), "'UTC'") }} - 7 as is_last_week,
        sum(sessions) as sessions,
        sum(matched) as matched
    from {{ ref('match_rates') }}
    where date > {{ day_in(as_of(), "'UTC'") }} - 35
    group by all
),

rates as (
    select
        now.network,
        now.account_id,
        100 * now.matched / now.sessions as percent,
        100 * before.matched / before.sessions as percent_before
    from periods as now
    inner join periods as before
        on now.network = before.network and now.account_id is not distinct from before.account_id
    where
        now.is_last_week
        and not before.is_last_week
        and now.sessions >= {{ setting("alarm_minimum") }}
        and before.sessions >= {{ setting("alarm_minimum") }}
)

select
    network,
    account_id,
    round(percent) as percent,
    round(percent_before) as percent_before,
    network || coalesce(' account ' || account_id, '') || ': the match rate of ad clicks fell to ' || round(percent) || ' % in'
    || ' the last 7 days, from ' || round(percent_before) || ' % in the 28 days before. Check tracking_health for ads without'
    || ' HubSpot''s parameters, and recent changes to the website and the ads.' as message
from rates
where percent_before - percent > {{ setting("match_rate_drop_limit_points") }}
