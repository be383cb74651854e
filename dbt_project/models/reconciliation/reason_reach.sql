-- which steps of the bridge the sources in use can tell
with networks as (
    select distinct network from {{ ref('int_accounts') }}
),

lacking as (
    select
        network,
        step,
        bool_or(without = 'none') as is_out_of_reach,
        list_sort(list_distinct(list(coalesce(title, 'anything of ' || source)))) as lacking,
        list_sort(list_distinct(list(coalesce(remedy, source || ': its files, or its API')))) as remedies
    from {{ ref('int_step_inputs') }}
    where not is_available
    group by network, step
)

select
    networks.network,
    codes.step,
    codes.step_order,
    codes.label as step_label,
    case
        when lacking.step is null then 'full'
        -- what nothing explains is always there
        when lacking.is_out_of_reach and codes.evidence_class != 'residual' then 'none'
        else 'partial'
    end as reach,
    coalesce(lacking.lacking, []) as lacking,
    coalesce(lacking.remedies, []) as remedies
from networks
cross join {{ ref('reason_codes') }} as codes
left join lacking on networks.network = lacking.network and codes.step = lacking.step
