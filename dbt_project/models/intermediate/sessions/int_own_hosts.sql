-- the site's own hosts: those with page views; without page-view events those of visits and of pages with forms
select distinct host from {{ ref('int_page_views') }}
union
select distinct {{ url_host('url') }} as host from {{ ref('int_property_visits') }}
union
select distinct {{ url_host('page_url') }} as host
from {{ ref('int_submissions') }}
where
    form_type != 'lead_ad'
    and not exists (select 1 from {{ ref('stg_hubspot__page_views') }})
