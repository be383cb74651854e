with pages as (
    select
        {{ ad_key() }},
        final_url as url
    from {{ ref('dim_ad') }}
    where final_url is not null
    union
    select
        {{ ad_key() }},
        url
    from ({{ union_networks('int_{network}__ad_pages') }}) as networks
)

select
    {{ ad_key('pages.') }},
    pages.url,
    -- several URLs may share one landing page
    urls.url as landing_page_url
from pages
left join {{ ref('stg_landing_pages__urls') }} as urls on pages.network = urls.source and pages.url = urls.final_url
