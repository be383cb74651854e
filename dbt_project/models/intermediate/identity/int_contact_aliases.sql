-- hs_merged_object_ids lists every id ever merged in, chains included, so one hop resolves an alias
select
    contact_id as alias_id,
    contact_id
from {{ ref('stg_hubspot__contacts') }}
union
select
    merged.alias_id,
    min(merged.contact_id) as contact_id
from (
    select
        unnest(merged_contact_ids) as alias_id,
        contact_id
    from {{ ref('stg_hubspot__contacts') }}
) as merged
where merged.alias_id not in (select live.contact_id from {{ ref('stg_hubspot__contacts') }} as live)
group by merged.alias_id
