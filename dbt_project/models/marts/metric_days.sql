with spans as (
    select
        min(date) as first_day,
        max(date) as last_day
    from {{ ref('fct_ad_performance_daily') }}
    union all
    select
        min(date) as first_day,
        max(date) as last_day
    from {{ ref('fct_network_conversions') }}
    union all
    select
        {{ day_in('min(started_at)', "'UTC'") }} as first_day,
        {{ day_in('max(started_at)', "'UTC'") }} as last_day
    from {{ ref('fct_sessions') }}
    union all
    select
        {{ day_in('min(submitted_at)', "'UTC'") }} as first_day,
        {{ day_in('max(submitted_at)', "'UTC'") }} as last_day
    from {{ ref('fct_form_submissions') }}
)

select cast(unnest(generate_series(min(first_day), max(last_day), interval 1 day)) as date) as date_day
from spans
