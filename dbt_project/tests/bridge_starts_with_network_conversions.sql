-- the start of each campaign and day is the network's headline under every report, and no headline figure is left out
{{ config(meta={'dagster': {'ref': {'name': 'conversion_bridge'}}}) }}
with bridge as (
    select
        attribution_report,
        network,
        account_id,
        campaign_id,
        date,
        sum(units) as units
    from {{ ref('conversion_bridge') }}
    where kind = 'start'
    group by attribution_report, network, account_id, campaign_id, date
),

reports as (
    {{ attribution_report_rows() }}
),

figures as (
    select
        reports.attribution_report,
        conversions.network,
        conversions.account_id,
        conversions.campaign_id,
        conversions.date,
        sum(conversions.conversions) as units
    from {{ ref('fct_network_conversions') }} as conversions
    cross join reports
    where conversions.counts_in_headline
    group by
        reports.attribution_report,
        conversions.network,
        conversions.account_id,
        conversions.campaign_id,
        conversions.date
)

select
    coalesce(bridge.attribution_report, figures.attribution_report) as attribution_report,
    coalesce(bridge.network, figures.network) as network,
    coalesce(bridge.campaign_id, figures.campaign_id) as campaign_id,
    coalesce(bridge.date, figures.date) as date,
    bridge.units as bridge_units,
    figures.units as network_units
from bridge
full join figures
    on
        bridge.attribution_report = figures.attribution_report
        and {{ same_campaign('bridge', 'figures') }}
        and bridge.date = figures.date
where
    coalesce(bridge.units, 0) != coalesce(figures.units, 0)
    or (bridge.units is null and figures.units is not null)
