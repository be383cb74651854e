-- units the network has left over and contacts it has too few of cannot stand in one group: the allocation would have met
select
    attribution_report,
    network,
    account_id,
    campaign_id,
    date
from {{ ref('conversion_bridge') }}
where evidence_class = 'residual' or step = 'restatement_pending'
group by attribution_report, network, account_id, campaign_id, date
having count_if(units < 0) > 0 and count_if(units > 0) > 0
