-- the tags an ad's pages carry today, per ad: one row however many of its pages carry the tag, so that a join adds nothing
with latest as (
    select
        url,
        tags
    from {{ ref('landing_page_snapshots') }}
    qualify row_number() over (partition by url order by fetched_at desc) = 1
),

tagged as (
    select
        {{ ad_key('pages.') }},
        urls.url,
        unnest(latest.tags) as tag
    from {{ ref('int_ad_pages') }} as pages
    inner join {{ ref('stg_landing_pages__urls') }} as urls on pages.network = urls.source and pages.url = urls.final_url
    inner join latest on urls.url = latest.url
)

select
    tag,
    {{ ad_key() }},
    min(url) as landing_page_url
from tagged
group by tag, {{ ad_key() }}
