select
    customer_id as account_id,
    campaign_id,
    ad_group_id,
    id as ad_id,
    name as ad_name,
    status,
    type as ad_type,
    json_extract_string(final_urls, '$[0]') as final_url,
    json_extract_string(final_mobile_urls, '$[0]') as final_mobile_url,
    tracking_url_template,
    final_url_suffix
from {{ source('google_ads', 'ads') }}
