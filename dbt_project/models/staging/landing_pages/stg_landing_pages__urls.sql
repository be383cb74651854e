select
    source,
    final_url,
    url
from {{ source('landing_pages', 'page_urls') }}
