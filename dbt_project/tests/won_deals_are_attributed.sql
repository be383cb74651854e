{{ config(meta={'dagster': {'ref': {'name': 'fct_deal_attribution'}}}) }}
with reports as (
    {{ attribution_report_rows() }}
),

won as (
    select
        reports.attribution_report,
        deals.deal_id,
        deals.amount_home
    from {{ ref('int_won_deal_amounts') }} as deals
    cross join reports
),

attributed as (
    select distinct
        attribution_report,
        deal_id,
        amount_home
    from {{ ref('fct_deal_attribution') }}
)

select
    coalesce(won.attribution_report, attributed.attribution_report) as attribution_report,
    coalesce(won.deal_id, attributed.deal_id) as deal_id,
    won.amount_home,
    attributed.amount_home as attributed_amount_home
from won
full join attributed
    on won.attribution_report = attributed.attribution_report and won.deal_id = attributed.deal_id
where
    won.deal_id is null
    or attributed.deal_id is null
    or won.amount_home is distinct from attributed.amount_home
