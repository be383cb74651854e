-- start + adjustments = end, exactly, for every ad and day; and its row steps are the ledger's rows of that ad
with ads as (
    select
        attribution_report,
        {{ ad_key() }},
        date,
        sum(case when kind = 'end' then -units else units end) as difference,
        count_if(kind = 'start') as starts,
        count_if(kind = 'end') as ends,
        coalesce(sum(units) filter (where kind = 'adjustment' and evidence_class = 'row'), 0) as claimed
    from {{ ref('ad_bridge') }}
    group by attribution_report, {{ ad_key() }}, date
),

ledger as (
    select
        ledger.attribution_report,
        {{ ad_key('ledger.') }},
        ledger.date,
        sum(ledger.hubspot_units - ledger.network_units) as units
    from {{ ref('conversion_ledger') }} as ledger
    inner join {{ ref('reason_codes') }} as codes on ledger.reason_code = codes.step
    where codes.evidence_class = 'row'
    group by ledger.attribution_report, {{ ad_key('ledger.') }}, ledger.date
)

select
    coalesce(ads.attribution_report, ledger.attribution_report) as attribution_report,
    coalesce(ads.campaign_id, ledger.campaign_id) as campaign_id,
    coalesce(ads.ad_id, ledger.ad_id) as ad_id,
    coalesce(ads.date, ledger.date) as date,
    ads.difference,
    ads.claimed,
    ledger.units
from ads
full join ledger
    on
        ads.attribution_report = ledger.attribution_report
        and {{ same_ad('ads', 'ledger') }}
        and ads.date = ledger.date
where
    coalesce(ads.difference, 1) != 0
    or ads.starts != 1
    or ads.ends != 1
    or coalesce(ads.claimed, 0) != coalesce(ledger.units, 0)
