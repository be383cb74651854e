select distinct
    aliases.contact_id,
    urls.url,
    urls.seen_at
from {{ ref('stg_hubspot__lead_ad_urls') }} as urls
inner join {{ ref('int_contact_aliases') }} as aliases on urls.contact_id = aliases.alias_id
