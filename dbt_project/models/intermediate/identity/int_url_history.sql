select distinct
    aliases.contact_id,
    history.url,
    history.seen_at
from {{ ref('stg_hubspot__url_history') }} as history
inner join {{ ref('int_contact_aliases') }} as aliases on history.contact_id = aliases.alias_id
