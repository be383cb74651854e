{{ config(meta={'dagster': {'ref': {'name': 'conversion_ledger'}}}) }}
with allocated as (
    select
        attribution_report,
        {{ campaign_key() }},
        date,
        sum(network_units) as units
    from {{ ref('conversion_ledger') }}
    group by attribution_report, {{ campaign_key() }}, date
),

figures as (
    select
        {{ campaign_key() }},
        date,
        sum(whole) as units
    from (
        select
            {{ campaign_key() }},
            date,
            conversion_action_id,
            event_type,
            ceil(sum(coalesce(conversions_by_conversion_date, conversions))) as whole
        from {{ ref('fct_network_conversions') }}
        where counts_in_headline and is_form_action and event_type in ('click', 'lead_form')
        group by {{ campaign_key() }}, date, conversion_action_id, event_type
    )
    group by {{ campaign_key() }}, date
)

select
    allocated.network,
    allocated.campaign_id,
    allocated.date,
    allocated.units,
    figures.units as network_units
from allocated
left join figures
    on {{ same_campaign('allocated', 'figures') }} and allocated.date = figures.date
where allocated.units > coalesce(figures.units, 0)
