with won as (
    select
        deals.deal_id,
        deals.closed_at,
        deals.amount,
        deals.amount_home,
        coalesce(deals.currency, portal.home_currency) as currency,
        portal.home_currency
    from {{ ref('stg_hubspot__deals') }} as deals
    cross join {{ ref('stg_hubspot__account') }} as portal
    left join {{ ref('stg_hubspot__deal_stages') }} as stages
        on deals.pipeline_id = stages.pipeline_id and deals.stage_id = stages.stage_id
    where coalesce(stages.is_won, deals.is_closed_won)
)

select
    won.deal_id,
    won.closed_at,
    won.amount,
    won.currency,
    coalesce(
        won.amount_home,
        cast(won.amount * case when won.currency = won.home_currency then 1 else rates.rate end as decimal(18, 6))
    ) as amount_home
from won
left join {{ ref('int_exchange_rates') }} as rates
    on
        won.currency = rates.from_currency
        and won.home_currency = rates.to_currency
        and cast(won.closed_at as date) = rates.date
