select
    deals.deal_id,
    deals.closed_at,
    deals.amount,
    deals.currency,
    coalesce(
        deals.amount_company_currency,
        {{ amount_in('deals.company_currency', 'deals.amount', 'deals.currency', 'rates.rate') }}
    ) as amount_company_currency
from {{ ref('int_won_deals') }} as deals
left join {{ ref('int_exchange_rates') }} as rates
    on
        deals.currency = rates.from_currency
        and deals.company_currency = rates.to_currency
        and deals.closed_on = rates.date
