{{ config(meta={'dagster': {'ref': {'name': 'conversion_bridge'}}}) }}
with bridge as (
    select
        attribution_report,
        {{ campaign_key() }},
        date,
        units
    from {{ ref('conversion_bridge') }}
    where kind = 'end'
),

first_credits as (
    select
        attribution.attribution_report,
        {{ campaign_key('attribution.') }},
        attribution.contact_id,
        {{ day_in('min(attribution.credited_at)', 'any_value(accounts.time_zone)') }} as date
    from {{ ref('fct_contact_attribution') }} as attribution
    inner join {{ ref('int_accounts') }} as accounts
        on attribution.network = accounts.network and attribution.account_id = accounts.account_id
    group by
        attribution.attribution_report,
        {{ campaign_key('attribution.') }},
        attribution.contact_id
),

credits as (
    select
        first_credits.attribution_report,
        {{ campaign_key('first_credits.') }},
        first_credits.date,
        count(*) as units
    from first_credits
    inner join {{ ref('int_days_read') }} as days_read
        on
            first_credits.network = days_read.network
            and first_credits.account_id = days_read.account_id
            and first_credits.date = days_read.date
    group by
        first_credits.attribution_report,
        {{ campaign_key('first_credits.') }},
        first_credits.date
)

select
    coalesce(bridge.network, credits.network) as network,
    coalesce(bridge.campaign_id, credits.campaign_id) as campaign_id,
    coalesce(bridge.date, credits.date) as date,
    bridge.units as bridge_units,
    credits.units as credited_contacts
from bridge
full join credits
    on
        bridge.attribution_report = credits.attribution_report
        and {{ same_campaign('bridge', 'credits') }}
        and bridge.date = credits.date
where coalesce(bridge.units, 0) != coalesce(credits.units, 0)
