select
    account_id,
    campaign_id as ad_group_id,
    id as ad_id,
    name as ad_name,
    intended_status as status,
    landing_url as final_url,
    coalesce(from_json(urls, '["VARCHAR"]'), []) as urls,
    lead_form_id as form_id
from {{ source('linkedin_ads', 'creatives') }}
