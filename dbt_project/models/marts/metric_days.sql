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
        cast(min(started_at) at time zone 'UTC' as date) as first_day,
        cast(max(started_at) at time zone 'UTC' as date) as last_day
    from {{ ref('fct_sessions') }}
    union all
    select
        cast(min(submitted_at) at time zone 'UTC' as date) as first_day,
        cast(max(submitted_at) at time zone 'UTC' as date) as last_day
    from {{ ref('fct_form_submissions') }}
)

select cast(unnest(generate_series(min(first_day), max(last_day), interval 1 day)) as date) as date_day
from spans
