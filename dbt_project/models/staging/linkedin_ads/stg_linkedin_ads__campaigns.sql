select
    account_id,
    campaign_group_id as campaign_id,
    id as ad_group_id,
    name as ad_group_name,
    status,
    objective_type
from {{ source('linkedin_ads', 'campaigns') }}
