select
    customer_id as account_id,
    campaign_id,
    id as ad_group_id,
    name as ad_group_name,
    status,
    type as ad_group_type,
    tracking_url_template,
    final_url_suffix
from {{ source('google_ads', 'ad_groups') }}
