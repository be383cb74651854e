with recursive pairs as (
    select
        merged.alias_id,
        merged.contact_id
    from (
        select
            unnest(merged_contact_ids) as alias_id,
            contact_id
        from {{ ref('stg_hubspot__contacts') }}
        union
        select
            alias_id,
            contact_id
        from {{ ref('stg_hubspot__merged_contacts') }}
    ) as merged
    where merged.alias_id != merged.contact_id
),

chains as (
    select
        alias_id,
        contact_id
    from pairs
    union
    select
        chains.alias_id,
        pairs.contact_id
    from chains
    inner join pairs on chains.contact_id = pairs.alias_id
),

survivors as (
    select contacts.contact_id
    from {{ ref('stg_hubspot__contacts') }} as contacts
    where not exists (select 1 from pairs where pairs.alias_id = contacts.contact_id)
)

select
    contact_id as alias_id,
    contact_id
from survivors
union all
select
    chains.alias_id,
    min(chains.contact_id) as contact_id
from chains
inner join survivors on chains.contact_id = survivors.contact_id
group by chains.alias_id
