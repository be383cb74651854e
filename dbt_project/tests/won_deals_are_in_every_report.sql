{{ config(meta={'dagster': {'ref': {'name': 'fct_deal_attribution'}}}) }}
with reports as (
    {{ attribution_report_rows() }}
),

won as (
    select
        reports.attribution_report,
        deals.deal_id,
        deals.amount_company_currency
    from {{ ref('int_won_deal_amounts') }} as deals
    cross join reports
),

attributed as (
    select distinct
        attribution_report,
        deal_id,
        amount_company_currency
    from {{ ref('fct_deal_attribution') }}
)

select
    coalesce(won.attribution_report, attributed.attribution_report) as attribution_report,
    coalesce(won.deal_id, attributed.deal_id) as deal_id,
    won.amount_company_currency,
    attributed.amount_company_currency as attributed_amount_company_currency
from won
full join attributed
    on won.attribution_report = attributed.attribution_report and won.deal_id = attributed.deal_id
where
    won.deal_id is null
    or attributed.deal_id is null
    or won.amount_company_currency is distinct from attributed.amount_company_currency
