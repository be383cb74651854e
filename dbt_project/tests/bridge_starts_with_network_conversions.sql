-- the start of each campaign and day is the network's headline, and no headline figure is left out
{{ config(meta={'dagster': {'ref': {'name': 'conversion_bridge'}}}) }}
with bridge as (
    select
        network,
        account_id,
        campaign_id,
        date,
        sum(units) as units
    from {{ ref('conversion_bridge') }}
    where kind = 'start' and attribution_report = '{{ var("default_attribution_report") }}'
    group by network, account_id, campaign_id, date
),

figures as (
    select
        network,
        account_id,
        campaign_id,
        date,
        sum(conversions) as units
    from {{ ref('fct_network_conversions') }}
    where counts_in_headline
    group by network, account_id, campaign_id, date
)

select
    coalesce(bridge.network, figures.network) as network,
    coalesce(bridge.campaign_id, figures.campaign_id) as campaign_id,
    coalesce(bridge.date, figures.date) as date,
    bridge.units as bridge_units,
    figures.units as network_units
from bridge
full join figures
    on {{ same_campaign('bridge', 'figures') }} and bridge.date = figures.date
where
    coalesce(bridge.units, 0) != coalesce(figures.units, 0)
    or (bridge.units is null and figures.units is not null)
