select distinct
    network,
    account_id,
    campaign_id,
    url,
    landing_page_url
from {{ ref('int_ad_pages') }}
