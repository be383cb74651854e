select distinct
    associations.deal_id,
    aliases.contact_id
from {{ ref('stg_hubspot__deal_contacts') }} as associations
inner join {{ ref('int_contact_aliases') }} as aliases on associations.contact_id = aliases.alias_id
