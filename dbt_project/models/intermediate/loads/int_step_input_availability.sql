with networks as (
    select distinct network from {{ ref('int_accounts') }}
),

-- each network needs only its own inputs
needed as (
    select
        networks.network,
        codes.step,
        needs.without,
        case needs.source when 'hubspot' then 'hubspot' else networks.network end as source,
        needs.input
    from networks
    cross join {{ ref('reason_codes') }} as codes
    inner join {{ ref('step_inputs') }} as needs
        on
            coalesce(codes.step = needs.step, codes.evidence_class in ('row', 'residual'))
            and coalesce(networks.network = needs.network, true)
),

loaded_sources as (
    select distinct source from {{ ref('stg_loads__available_inputs') }}
)

select
    needed.network,
    needed.step,
    needed.source,
    needed.input,
    needed.without,
    -- a source that was not loaded provides no inputs
    loaded_sources.source is not null and coalesce(inputs.is_available, true) as is_available,
    inputs.title,
    inputs.how_to_add
from needed
left join loaded_sources on needed.source = loaded_sources.source
left join {{ ref('stg_loads__available_inputs') }} as inputs on needed.source = inputs.source and needed.input = inputs.input
