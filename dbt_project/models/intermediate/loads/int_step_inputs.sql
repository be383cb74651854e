with networks as (
    select distinct network from {{ ref('int_accounts') }}
),

-- a network needs no input of another
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

loaded_sources as (
    select distinct source from {{ ref('stg_loads__told_facts') }}
)

select
    needed.network,
    needed.step,
    needed.source,
    needed.fact,
    needed.without,
    -- a source that was not loaded provides no inputs
    loaded_sources.source is not null and coalesce(facts.is_told, true) as is_available,
    facts.title,
    facts.remedy
from needed
left join loaded_sources on needed.source = loaded_sources.source
left join {{ ref('stg_loads__told_facts') }} as facts on needed.source = facts.source and needed.fact = facts.fact
