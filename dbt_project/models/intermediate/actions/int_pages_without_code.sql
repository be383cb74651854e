with pages as (
    select
        url,
        {{ url_location('unnest(list_distinct([url, coalesce(final_url, url)]))') }} as location
    from {{ ref('int_landing_pages') }}
    where lacks_code
)

-- several addresses of a page are one place to mend
select
    location,
    min(url) as url
from pages
group by location
union all
-- a page without a snapshot: the forms sent from it show that HubSpot recorded no view
select
    form_page as location,
    min(form_url) as url
from {{ ref('int_action_claims') }}
where page_code_evidence = 'no_view_recorded'
group by form_page
having form_page not in (select pages.location from pages)
