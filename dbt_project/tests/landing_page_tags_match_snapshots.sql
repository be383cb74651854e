{{ config(meta={'dagster': {'ref': {'name': 'landing_page_tags'}}}) }}
with latest as (
    select
        landing_page_url,
        arg_max(tags, fetched_at) as tags
    from {{ ref('landing_page_snapshots') }}
    group by landing_page_url
),

expected as (
    select
        {{ ad_key('ads.') }},
        unnest(latest.tags) as tag
    from {{ ref('dim_ad') }} as ads
    inner join {{ ref('stg_landing_pages__urls') }} as urls on ads.network = urls.source and ads.final_url = urls.final_url
    inner join latest on urls.url = latest.landing_page_url
)

select
    expected.tag,
    {{ ad_key('expected.') }},
    'missing' as problem
from expected
left join {{ ref('landing_page_tags') }} as tags on expected.tag = tags.tag and {{ same_ad('expected', 'tags') }}
where tags.tag is null
union all
select
    tags.tag,
    {{ ad_key('tags.') }},
    'not on the page' as problem
from {{ ref('landing_page_tags') }} as tags
left join latest on tags.landing_page_url = latest.landing_page_url
where not coalesce(list_contains(latest.tags, tags.tag), false)
