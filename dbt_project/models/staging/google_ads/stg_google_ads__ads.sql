select
    customer_id as account_id,
    campaign_id,
    ad_group_id,
    id as ad_id,
    name as ad_name,
    status,
    type as ad_type,
    json_extract_string(final_urls, '$[0]') as final_url
from {{ source('google_ads', 'ads') }}
