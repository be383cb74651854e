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
        {{ day_in('attribution.credited_at', 'accounts.time_zone') }} as date,
        1 as hubspot_contacts
    from {{ ref('fct_contact_attribution') }} as attribution
    inner join {{ ref('int_accounts') }} as accounts
        on attribution.network = accounts.network and attribution.account_id = accounts.account_id
    where attribution.attribution_report = '{{ setting("default_attribution_report") }}'
    union all by name
    select
        {{ ad_key('deals.') }},
        {{ day_in('deals.credited_at', 'accounts.time_zone') }} as date,
        1 as deals_won,
        {{ amount('deals.amount_company_currency * deals.credit') }} as revenue_company_currency
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
        {{ amount('coalesce(sum(spend), 0)') }} as spend,
        {{ amount('coalesce(sum(network_conversions), 0)') }} as network_conversions,
        cast(coalesce(sum(hubspot_contacts), 0) as bigint) as hubspot_contacts,
        cast(coalesce(sum(deals_won), 0) as bigint) as deals_won,
        {{ amount('coalesce(sum(revenue_company_currency), 0)') }} as revenue_company_currency
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
    {{ amount_in('accounts.company_currency', 'days.spend', 'accounts.currency', 'rates.rate') }} as spend_company_currency,
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
