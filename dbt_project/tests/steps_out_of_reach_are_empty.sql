{{ config(severity='warn', store_failures=true, meta={'dagster': {'ref': {'name': 'reason_reach'}}}) }}

select
    reach.network,
    reach.step,
    'The step ' || reach.step || ' of ' || reach.network || ' is out of reach (' || array_to_string(reach.lacking, ', ')
    || ') and has ' || sum(abs(bridge.units)) || ' units: the seed reason_facts asks for more than the step needs.' as message
from {{ ref('reason_reach') }} as reach
inner join {{ ref('conversion_bridge') }} as bridge on reach.network = bridge.network and reach.step = bridge.step
where reach.reach = 'none' and bridge.kind = 'adjustment'
group by reach.network, reach.step, reach.lacking
having sum(abs(bridge.units)) > 0
