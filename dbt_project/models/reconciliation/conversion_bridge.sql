{{ config(materialized='incremental', built_per='day', on_schema_change='fail') }}
-- the start comes from the network's figures, the end from HubSpot's credits, the residuals only from the allocation of claims
with {{ bridge_inputs(ref('int_campaign_days'), campaign_key()) }},

allocated as (
    select
        attribution_report,
        {{ campaign_key() }},
        date,
        sum(network_units) as units
    from ledger
    group by attribution_report, {{ campaign_key() }}, date
),

-- network conversions without a claim
untraced as (
    select
        figures.attribution_report,
        {{ campaign_key('figures.') }},
        figures.date,
        'no_trace_in_hubspot' as step,
        coalesce(allocated.units, 0)
        - greatest(figures.click_units, 0)
        - greatest(figures.lead_units, 0) as units
    from figures
    left join allocated
        on
            figures.attribution_report = allocated.attribution_report
            and {{ same_campaign('figures', 'allocated') }}
            and figures.date = allocated.date
),

credited as (
    select
        credits.attribution_report,
        {{ campaign_key('credits.') }},
        credits.date,
        'hubspot_contacts' as step,
        {{ amount('count(distinct credits.contact_id)') }} as units
    from {{ ref('int_credits') }} as credits
    inner join {{ ref('int_days_read') }} as days_read
        on
            credits.network = days_read.network
            and credits.account_id = days_read.account_id
            and credits.date = days_read.date
    where credits.is_counted_event and {{ only_changed_days('credits.') }}
    group by credits.attribution_report, {{ campaign_key('credits.') }}, credits.date
),

-- every group has a start and an end, even if zero
groups as (
    select
        attribution_report,
        {{ campaign_key() }},
        date
    from figures
    union
    select
        attribution_report,
        {{ campaign_key() }},
        date
    from ledger
),

steps as (
    select
        * exclude (step),
        step.step,
        step.units
    from network_steps
    union all by name
    select * from claim_steps
    union all by name
    select * from untraced
    union all by name
    select * from credited
    union all by name
    select
        *,
        unnest(['network_conversions', 'hubspot_contacts']) as step,
        {{ amount('0') }} as units
    from groups
)

{{ bridge_rows('steps', 'steps.network, steps.account_id, steps.campaign_id') }}
