-- every value the first and last URL of a contact was ever seen to hold: HubSpot keeps only the newest entries
select
    contact_id,
    value as url,
    seen_at
from {{ ref('stg_hubspot__property_history') }}
where property in ('hs_analytics_first_url', 'hs_analytics_last_url')
union
select
    contact_id,
    first_url,
    first_seen_at
from {{ ref('stg_hubspot__contacts') }}
where nullif(first_url, '') is not null and first_seen_at <= {{ as_of() }}
union
select
    contact_id,
    last_url,
    last_seen_at
from {{ ref('stg_hubspot__contacts') }}
where nullif(last_url, '') is not null and last_seen_at <= {{ as_of() }}
