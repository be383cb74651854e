select
    url,
    tag
from {{ source('landing_pages', 'page_tags') }}
where tagged_at <= {{ as_of() }}
