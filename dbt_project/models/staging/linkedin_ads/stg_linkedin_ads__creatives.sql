select
    account_id,
    campaign_id as ad_group_id,
    id as ad_id,
    intended_status as status,
    landing_url as final_url
from {{ source('linkedin_ads', 'creatives') }}
