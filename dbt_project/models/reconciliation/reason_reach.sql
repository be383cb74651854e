-- what of the bridge the sources in use can tell: from the facts that each step needs, and those that are there
with networks as (
    select distinct network from {{ ref('int_accounts') }}
),

-- a fact of one network is none of the others': what they never had they do not lack
needed as (
    select
        networks.network,
        codes.step,
        needs.without,
        case needs.source when 'hubspot' then 'hubspot' else networks.network end as source,
        needs.fact
    from networks
    cross join {{ ref('reason_codes') }} as codes
    inner join {{ ref('reason_facts') }} as needs
        on
            coalesce(codes.step = needs.step, codes.evidence_class in ('row', 'residual'))
            and coalesce(networks.network = needs.network, true)
),

sources as (
    select distinct source from {{ ref('stg_loads__told_facts') }}
),

lacking as (
    select
        needed.network,
        needed.step,
        bool_or(needed.without = 'none') as is_out_of_reach,
        list_sort(list_distinct(list(coalesce(facts.title, 'anything of ' || needed.source)))) as lacking,
        list_sort(list_distinct(list(coalesce(facts.remedy, needed.source || ': its files, or its API')))) as remedies
    from needed
    left join sources on needed.source = sources.source
    left join {{ ref('stg_loads__told_facts') }} as facts on needed.source = facts.source and needed.fact = facts.fact
    -- of a source that is not read nothing is told
    where not facts.is_told or sources.source is null
    group by needed.network, needed.step
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
