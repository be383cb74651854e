{{ config(meta={'dagster': {'ref': {'name': 'fct_ad_performance_daily'}}}) }}
with observed as (
    select
        network,
        account_id,
        date,
        sum(impressions) as impressions,
        sum(clicks) as clicks,
        sum(spend) as spend
    from {{ ref('int_campaign_observations') }}
    where {{ current_figures() }}
    group by network, account_id, date
),

marts as (
    select
        network,
        account_id,
        date,
        sum(impressions) as impressions,
        sum(clicks) as clicks,
        sum(spend) as spend
    from {{ ref('fct_ad_performance_daily') }}
    group by network, account_id, date
)

select
    coalesce(observed.network, marts.network) as network,
    coalesce(observed.account_id, marts.account_id) as account_id,
    coalesce(observed.date, marts.date) as date,
    observed.impressions as network_impressions,
    marts.impressions,
    observed.clicks as network_clicks,
    marts.clicks,
    observed.spend as network_spend,
    marts.spend
from observed
full join marts
    on observed.network = marts.network and observed.account_id = marts.account_id and observed.date = marts.date
where
    coalesce(observed.impressions, 0) != coalesce(marts.impressions, 0)
    or coalesce(observed.clicks, 0) != coalesce(marts.clicks, 0)
    or coalesce(observed.spend, 0) != coalesce(marts.spend, 0)
