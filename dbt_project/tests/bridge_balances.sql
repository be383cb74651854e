-- start + adjustments = end, exactly, in every group; and there is a group wherever a network reported or HubSpot credited
with groups as (
    select
        attribution_report,
        network,
        account_id,
        campaign_id,
        date,
        sum(case when kind = 'end' then -units else units end) as difference,
        count_if(kind = 'start') as starts,
        count_if(kind = 'end') as ends
    from {{ ref('conversion_bridge') }}
    group by attribution_report, network, account_id, campaign_id, date
)

select
    attribution_report,
    network,
    account_id,
    campaign_id,
    date,
    difference
from groups
where difference != 0 or starts != 1 or ends != 1
