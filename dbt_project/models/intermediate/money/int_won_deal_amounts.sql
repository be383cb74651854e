select
    deals.deal_id,
    deals.closed_at,
    deals.amount,
    deals.currency,
    coalesce(
        deals.amount_company_currency,
        -- DuckDB limits the product to 18 digits unless a factor has more
        cast(
            cast(deals.amount as decimal(38, 6)) * case when deals.currency = deals.company_currency then 1 else rates.rate end
            as decimal(18, 6)
        )
    ) as amount_company_currency
from {{ ref('int_won_deals') }} as deals
left join {{ ref('int_exchange_rates') }} as rates
    on
        deals.currency = rates.from_currency
        and deals.company_currency = rates.to_currency
        and deals.closed_on = rates.date
