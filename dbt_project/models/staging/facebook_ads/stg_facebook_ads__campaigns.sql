select
    account_id,
    id as campaign_id,
    name as campaign_name,
    effective_status as status,
    objective as campaign_type
from {{ source('facebook_ads', 'campaigns') }}
