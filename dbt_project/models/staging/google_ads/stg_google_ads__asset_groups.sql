select
    customer_id as account_id,
    campaign_id,
    id as asset_group_id,
    name as asset_group_name,
    status,
    json_extract_string(final_urls, '$[0]') as final_url,
    json_extract_string(final_mobile_urls, '$[0]') as final_mobile_url,
    tracking_url_template,
    final_url_suffix
from {{ source('google_ads', 'asset_groups') }}
