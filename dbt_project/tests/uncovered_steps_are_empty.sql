{{ config(severity='warn', store_failures=true, meta={'dagster': {'ref': {'name': 'step_coverage'}}}) }}

select
    covered.network,
    covered.step,
    covered.network || ', step ' || covered.step || ': has ' || sum(abs(bridge.units)) || ' conversions although inputs are'
    || ' missing (' || array_to_string(covered.missing_inputs, ', ') || '). Remove inputs that the step does not need from the'
    || ' seed step_inputs.' as message
from {{ ref('step_coverage') }} as covered
inner join {{ ref('conversion_bridge') }} as bridge on covered.network = bridge.network and covered.step = bridge.step
where covered.coverage = 'none' and bridge.kind = 'adjustment'
group by covered.network, covered.step, covered.missing_inputs
having sum(abs(bridge.units)) > 0
