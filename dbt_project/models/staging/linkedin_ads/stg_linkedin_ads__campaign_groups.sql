select
    account_id,
    id as campaign_id,
    name as campaign_name,
    status
from {{ source('linkedin_ads', 'campaign_groups') }}
