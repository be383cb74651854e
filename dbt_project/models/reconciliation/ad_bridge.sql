{{ config(
    materialized='incremental', built_per='day', on_schema_change='fail', post_hook="{{ remember_built_days() }}"
) }}
-- depends_on: {{ ref('conversion_bridge') }} so that this is the last model built per day
-- conversions are allocated to claims per campaign, so an ad's claims can exceed the conversions reported for that ad; the sign
-- of the difference decides the residual step
with {{ bridge_inputs(ref('int_ad_days'), ad_key()) }},

claimed as (
    select
        attribution_report,
        {{ ad_key() }},
        date,
        sum(network_units) as network_units,
        sum(hubspot_units) as hubspot_units
    from ledger
    group by attribution_report, {{ ad_key() }}, date
),

-- difference between the network's conversions and those allocated to claims
rests as (
    select
        attribution_report,
        {{ ad_key() }},
        date,
        case when sum(units) < 0 then 'no_trace_in_hubspot' else 'not_counted_by_network' end as step,
        sum(units) as units
    from (
        select
            attribution_report,
            {{ ad_key() }},
            date,
            -click_units - lead_units - unexplained as units
        from figures
        union all by name
        select
            * exclude (network_units, hubspot_units),
            network_units as units
        from claimed
    ) as both_sides
    group by attribution_report, {{ ad_key() }}, date
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
    select * from rests
    union all by name
    select
        * exclude (network_units, hubspot_units),
        'hubspot_contacts' as step,
        hubspot_units as units
    from claimed
    union all by name
    -- every ad with a figure or a claim has a start and an end, even if zero
    select
        attribution_report,
        {{ ad_key() }},
        date,
        unnest(['network_conversions', 'hubspot_contacts']) as step,
        {{ amount('0') }} as units
    from rests
)

{{ bridge_rows('steps', ad_key('steps.')) }}
