{{ config(meta={'dagster': {'ref': {'name': 'fct_ad_performance_daily'}}}) }}
with totals as (
    select
        {{ campaign_key() }},
        date,
        sum(conversions) as conversions
    from {{ ref('int_campaign_observations') }}
    where {{ current_figures() }} and campaign_id is not null
    group by {{ campaign_key() }}, date
),

marts as (
    select
        {{ campaign_key() }},
        date,
        sum(network_conversions) as conversions
    from {{ ref('fct_ad_performance_daily') }}
    group by {{ campaign_key() }}, date
)

select
    coalesce(totals.network, marts.network) as network,
    coalesce(totals.campaign_id, marts.campaign_id) as campaign_id,
    coalesce(totals.date, marts.date) as date,
    totals.conversions as network_figure,
    marts.conversions as mart_figure
from totals
full join marts
    on {{ same_campaign('totals', 'marts') }} and totals.date = marts.date
where abs(coalesce(totals.conversions, 0) - coalesce(marts.conversions, 0)) > 0.001
