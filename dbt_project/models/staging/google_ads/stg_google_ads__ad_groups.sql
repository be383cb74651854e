select
    customer_id as account_id,
    campaign_id,
    id as ad_group_id,
    name as ad_group_name,
    status,
    type as ad_group_type
from {{ source('google_ads', 'ad_groups') }}
