{{ config(meta={'dagster': {'ref': {'name': 'conversion_bridge'}}}) }}
with lead_days as (
    select
        network,
        account_id,
        campaign_id,
        date
    from {{ ref('fct_network_conversions') }}
    where event_type = 'lead_form'
)

select
    ledger.attribution_report,
    ledger.event_id,
    {{ ad_key('ledger.') }},
    ledger.date,
    bridge.units
from {{ ref('conversion_ledger') }} as ledger
inner join {{ ref('int_claims') }} as claims on ledger.event_id = claims.submission_id and {{ same_ad('ledger', 'claims') }}
inner join {{ ref('conversion_bridge') }} as bridge
    on
        ledger.attribution_report = bridge.attribution_report
        and {{ same_campaign('ledger', 'bridge') }}
        and ledger.date = bridge.date
anti join lead_days on {{ same_campaign('ledger', 'lead_days') }} and ledger.date = lead_days.date
where
    claims.could_count
    and claims.is_last_touch
    and claims.event_type != 'lead'
    and ledger.network_units = 0
    and bridge.step = 'no_trace_in_hubspot'
