-- credits of a won deal sum to exactly 1 per report, so revenue is conserved
select
    attribution_report,
    deal_id,
    sum(credit) as credit
from {{ ref('fct_deal_attribution') }}
group by attribution_report, deal_id
having sum(credit) != 1
