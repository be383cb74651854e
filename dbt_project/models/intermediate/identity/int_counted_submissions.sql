select distinct
    aliases.contact_id,
    counted.form_id,
    counted.page_id,
    counted.submitted_at
from {{ ref('stg_hubspot__counted_submissions') }} as counted
inner join {{ ref('int_contact_aliases') }} as aliases on counted.contact_id = aliases.alias_id
