select contacts.*
from {{ ref('stg_hubspot__contacts') }} as contacts
inner join {{ ref('int_contact_aliases') }} as aliases
    on contacts.contact_id = aliases.alias_id and contacts.contact_id = aliases.contact_id
