with needed as (
    select distinct
        accounts.currency as from_currency,
        portal.company_currency as to_currency,
        delivery.date
    from {{ ref('int_ad_delivery') }} as delivery
    inner join {{ ref('int_accounts') }} as accounts
        on delivery.network = accounts.network and delivery.account_id = accounts.account_id
    cross join {{ ref('stg_hubspot__account') }} as portal
    where delivery.spend != 0
    union
    -- only won deals are converted
    select
        currency as from_currency,
        company_currency as to_currency,
        closed_on as date
    from {{ ref('int_won_deals') }}
    where amount is not null and amount_company_currency is null and closed_on is not null
),

portal_rates as (
    select
        rates.from_currency,
        rates.to_currency,
        {{ day_in('rates.effective_at', "coalesce(portal.time_zone, 'UTC')") }} as valid_from,
        arg_max(rates.rate, rates.effective_at) as rate
    from {{ ref('stg_hubspot__exchange_rates') }} as rates
    cross join {{ ref('stg_hubspot__account') }} as portal
    group by rates.from_currency, rates.to_currency, valid_from
),

-- the portal's own rate has precedence
rated as (
    select
        needed.from_currency,
        needed.to_currency,
        needed.date,
        case
            when needed.from_currency = needed.to_currency then cast(1 as decimal(18, 8))
            else coalesce(portal_rates.rate, seeded.rate)
        end as rate
    from needed
    asof left join portal_rates
        on
            needed.from_currency = portal_rates.from_currency
            and needed.to_currency = portal_rates.to_currency
            and needed.date >= portal_rates.valid_from
    asof left join {{ ref('exchange_rates') }} as seeded
        on
            needed.from_currency = seeded.from_currency
            and needed.to_currency = seeded.to_currency
            and needed.date >= seeded.valid_from
),

missing as (
    select string_agg(pair, '; ' order by pair) as pairs
    from (
        select from_currency || ' to ' || to_currency || ' from ' || min(date) || ' to ' || max(date) as pair
        from rated
        where rate is null
        group by from_currency, to_currency
    ) as pairs_missing
)

select
    rated.from_currency,
    rated.to_currency,
    rated.date,
    case
        when missing.pairs is null then rated.rate
        else
            error(
                'adledger: no exchange rate for ' || missing.pairs
                || ': add the currency in HubSpot (of downloaded files: to the setting exports.exchange_rates), or the pair'
                || ' to dbt_project/seeds/exchange_rates.csv (from_currency,to_currency,valid_from,rate)'
            )
    end as rate
from rated
cross join missing
