with pages as (
    select
        landing_page_url,
        {{ url_location('unnest(list_distinct([landing_page_url, coalesce(final_url, landing_page_url)]))') }} as location
    from {{ ref('int_landing_pages') }}
    where lacks_code
)

-- one row for several URLs of a page
select
    location,
    min(landing_page_url) as landing_page_url
from pages
group by location
union all
-- without a snapshot, submissions without page views show the missing code
select
    form_page as location,
    min(form_url) as landing_page_url
from {{ ref('int_action_claims') }}
where page_code_evidence = 'no_view_recorded'
group by form_page
having form_page not in (select pages.location from pages)
