-- one row per campaign and address that its ads lead to, as the network names it
select distinct
    network,
    account_id,
    campaign_id,
    url
from {{ ref('int_ad_pages') }}
