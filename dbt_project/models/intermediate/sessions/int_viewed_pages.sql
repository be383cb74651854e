with addresses as (
    select
        url,
        min(occurred_at) as first_viewed_at
    from {{ ref('int_page_views') }}
    group by url
)

select
    {{ url_location('url') }} as location,
    {{ url_query('url') }} as query,
    min(first_viewed_at) as first_viewed_at
from addresses
group by location, query
