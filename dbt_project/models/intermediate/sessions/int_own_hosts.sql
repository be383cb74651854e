with configured as (
    select unnest(domains) as host from {{ ref('stg_hubspot__account') }}
),

addresses as (
    -- parses one URL per spelling of a host instead of every view
    select distinct split_part(url, '/', 3) as authority from {{ ref('int_page_views') }}
    union
    select distinct split_part(url, '/', 3) as authority from {{ ref('int_property_visits') }}
    union
    select distinct split_part(page_url, '/', 3) as authority
    from {{ ref('int_submissions') }}
    where
        form_type != 'lead_ad'
        and not exists (select 1 from {{ ref('stg_hubspot__page_views') }})
)

select host from configured
union
select {{ url_host("'https://' || authority") }} as host
from addresses
where authority != '' and not exists (select 1 from configured)
