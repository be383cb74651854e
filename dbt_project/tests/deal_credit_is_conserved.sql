-- every won deal is credited whole under every report: credits sum to exactly 1, and revenue to the deals' own
with reports as (
    {{ attribution_report_rows() }}
),

credited as (
    select
        attribution_report,
        deal_id,
        sum(credit) as credit,
        any_value(amount_home) as amount_home
    from {{ ref('fct_deal_attribution') }}
    group by attribution_report, deal_id
)

select
    coalesce(won.attribution_report, credited.attribution_report) as attribution_report,
    coalesce(won.deal_id, credited.deal_id) as deal_id,
    credited.credit,
    won.amount_home,
    credited.amount_home as credited_amount_home
from (
    select
        reports.attribution_report,
        deals.deal_id,
        deals.amount_home
    from {{ ref('int_won_deals') }} as deals
    cross join reports
) as won
full join credited on won.attribution_report = credited.attribution_report and won.deal_id = credited.deal_id
where
    credited.credit is distinct from 1
    or won.deal_id is null
    or won.amount_home is distinct from credited.amount_home
