-- one row per ad and tag, however many of the ad's pages have the tag, so that a join does not multiply rows
with tagged as (
    select
        {{ ad_key('pages.') }},
        pages.landing_page_url,
        unnest(landing_pages.tags) as tag
    from {{ ref('int_ad_pages') }} as pages
    inner join {{ ref('int_landing_pages') }} as landing_pages on pages.landing_page_url = landing_pages.landing_page_url
)

select
    tag,
    {{ ad_key() }},
    min(landing_page_url) as landing_page_url
from tagged
group by tag, {{ ad_key() }}
