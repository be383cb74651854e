{{ config(meta={'dagster': {'ref': {'name': 'conversion_ledger'}}}) }}
with allocated as (
    select
        attribution_report,
        network,
        account_id,
        campaign_id,
        date,
        sum(network_units) as units
    from {{ ref('conversion_ledger') }}
    group by attribution_report, network, account_id, campaign_id, date
),

figures as (
    select
        network,
        account_id,
        campaign_id,
        date,
        sum(whole) as units
    from (
        select
            network,
            account_id,
            campaign_id,
            date,
            conversion_action_id,
            event_type,
            ceil(sum(coalesce(conversions_by_conversion_date, conversions))) as whole
        from {{ ref('fct_network_conversions') }}
        where counts_in_headline and is_form_action and event_type in ('click', 'lead_form')
        group by network, account_id, campaign_id, date, conversion_action_id, event_type
    )
    group by network, account_id, campaign_id, date
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
