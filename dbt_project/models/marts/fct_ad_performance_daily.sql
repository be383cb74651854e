with facts as (
    select
        {{ ad_key() }},
        date,
        impressions,
        clicks,
        spend
    from {{ ref('int_ad_delivery') }}
    union all by name
    select
        {{ ad_key() }},
        date,
        conversions as network_conversions
    from {{ ref('fct_network_conversions') }}
    where counts_in_headline
    union all by name
    select
        {{ ad_key('attribution.') }},
        cast(attribution.credited_at at time zone accounts.time_zone as date) as date,
        1 as hubspot_contacts
    from {{ ref('fct_contact_attribution') }} as attribution
    inner join {{ ref('int_accounts') }} as accounts
        on attribution.network = accounts.network and attribution.account_id = accounts.account_id
    where attribution.attribution_report = '{{ setting("default_attribution_report") }}'
    union all by name
    select
        {{ ad_key('deals.') }},
        cast(deals.credited_at at time zone accounts.time_zone as date) as date,
        1 as deals_won,
        cast(deals.amount_company_currency * deals.credit as decimal(18, 6)) as revenue_company_currency
    from {{ ref('fct_deal_attribution') }} as deals
    inner join {{ ref('int_accounts') }} as accounts
        on deals.network = accounts.network and deals.account_id = accounts.account_id
    where deals.attribution_report = '{{ setting("default_attribution_report") }}'
),

days as (
    select
        {{ ad_key() }},
        date,
        cast(coalesce(sum(impressions), 0) as bigint) as impressions,
        cast(coalesce(sum(clicks), 0) as bigint) as clicks,
        cast(coalesce(sum(spend), 0) as decimal(18, 6)) as spend,
        cast(coalesce(sum(network_conversions), 0) as decimal(18, 6)) as network_conversions,
        cast(coalesce(sum(hubspot_contacts), 0) as bigint) as hubspot_contacts,
        cast(coalesce(sum(deals_won), 0) as bigint) as deals_won,
        cast(coalesce(sum(revenue_company_currency), 0) as decimal(18, 6)) as revenue_company_currency
    from facts
    group by {{ ad_key() }}, date
)

select
    {{ ad_key('days.') }},
    days.date,
    days.impressions,
    days.clicks,
    days.spend,
    accounts.currency,
    -- cast to more digits: DuckDB limits the product of two such decimals to 18 digits, which overflows at 10,000 a day
    cast(
        cast(days.spend as decimal(38, 6)) * case when accounts.currency = accounts.company_currency then 1 else rates.rate end
        as decimal(18, 6)
    ) as spend_company_currency,
    accounts.company_currency,
    days.network_conversions,
    '{{ setting("default_attribution_report") }}' as attribution_report,
    days.hubspot_contacts,
    days.deals_won,
    days.revenue_company_currency
from days
inner join {{ ref('int_accounts') }} as accounts
    on days.network = accounts.network and days.account_id = accounts.account_id
left join {{ ref('int_exchange_rates') }} as rates
    on
        accounts.currency = rates.from_currency
        and accounts.company_currency = rates.to_currency
        and days.date = rates.date
