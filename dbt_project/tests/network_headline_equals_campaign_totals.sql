{{ config(severity='warn', store_failures=true, meta={'dagster': {'ref': {'name': 'fct_ad_performance_daily'}}}) }}

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
    coalesce(totals.account_id, marts.account_id) as account_id,
    coalesce(totals.campaign_id, marts.campaign_id) as campaign_id,
    coalesce(totals.date, marts.date) as date,
    coalesce(totals.conversions, 0) as network_figure,
    coalesce(marts.conversions, 0) as mart_figure,
    coalesce(totals.network, marts.network) || ' account ' || coalesce(totals.account_id, marts.account_id) || ', campaign '
    || coalesce(totals.campaign_id, marts.campaign_id) || ', ' || coalesce(totals.date, marts.date) || ': the campaign has '
    || coalesce(totals.conversions, 0) || ' conversions, its actions and ads add up to ' || coalesce(marts.conversions, 0)
    || '. Refresh that day again; if it stays, the network contradicts itself and the bridge counts the parts.' as message
from totals
full join marts
    on {{ same_campaign('totals', 'marts') }} and totals.date = marts.date
where abs(coalesce(totals.conversions, 0) - coalesce(marts.conversions, 0)) > 0.001
