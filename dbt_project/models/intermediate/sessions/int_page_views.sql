{{ config(materialized='view') }}

select
    views.event_id,
    aliases.contact_id,
    views.occurred_at,
    views.url,
    views.referrer,
    {{ url_host('views.url') }} as host,
    {{ url_host('views.referrer') }} as referrer_host
from {{ ref('stg_hubspot__page_views') }} as views
inner join {{ ref('int_contact_aliases') }} as aliases on views.contact_id = aliases.alias_id
