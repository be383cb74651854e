select distinct
    network,
    account_id,
    campaign_id,
    url
from {{ ref('int_ad_pages') }}
