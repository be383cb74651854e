-- every row-class unit of the bridge is a row of the ledger, and every reason in the ledger is in the bridge
{{ config(meta={'dagster': {'ref': {'name': 'conversion_bridge'}}}) }}
with bridge as (
    select
        attribution_report,
        network,
        account_id,
        campaign_id,
        date,
        step,
        units
    from {{ ref('conversion_bridge') }}
    where evidence_class = 'row' or step in ('restatement_pending', 'not_counted_by_network')
),

ledger as (
    select
        attribution_report,
        network,
        account_id,
        campaign_id,
        date,
        reason_code as step,
        sum(hubspot_units - network_units) as units
    from {{ ref('conversion_ledger') }}
    where reason_code is not null
    group by attribution_report, network, account_id, campaign_id, date, reason_code
    union all
    select
        attribution_report,
        network,
        account_id,
        campaign_id,
        date,
        'hubspot_contacts' as step,
        sum(hubspot_units) as units
    from {{ ref('conversion_ledger') }}
    group by attribution_report, network, account_id, campaign_id, date
)

select
    coalesce(bridge.network, ledger.network) as network,
    coalesce(bridge.campaign_id, ledger.campaign_id) as campaign_id,
    coalesce(bridge.date, ledger.date) as date,
    coalesce(bridge.step, ledger.step) as step,
    bridge.units as bridge_units,
    ledger.units as ledger_units
from bridge
full join ledger
    on
        bridge.attribution_report = ledger.attribution_report
        and {{ same_campaign('bridge', 'ledger') }}
        and bridge.date = ledger.date
        and bridge.step = ledger.step
where coalesce(bridge.units, 0) != coalesce(ledger.units, 0)
