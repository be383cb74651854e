with networks as (
    select distinct network from {{ ref('int_accounts') }}
),

missing as (
    select
        network,
        step,
        bool_or(without = 'none') as is_not_covered,
        list_sort(list_distinct(list(coalesce(title, 'all data from ' || source)))) as missing_inputs,
        list_sort(list_distinct(list(coalesce(how_to_add, source || ': its files or its API')))) as how_to_add
    from {{ ref('int_step_input_availability') }}
    where not is_available
    group by network, step
)

select
    networks.network,
    codes.step,
    codes.step_order,
    codes.label as step_label,
    case
        when missing.step is null then 'full'
        -- the residual never has coverage none: it needs no input of its own
        when missing.is_not_covered and codes.evidence_class != 'residual' then 'none'
        else 'partial'
    end as coverage,
    coalesce(missing.missing_inputs, []) as missing_inputs,
    coalesce(missing.how_to_add, []) as how_to_add
from networks
cross join {{ ref('reason_codes') }} as codes
left join missing on networks.network = missing.network and codes.step = missing.step
