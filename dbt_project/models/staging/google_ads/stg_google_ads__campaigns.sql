select
    customer_id as account_id,
    id as campaign_id,
    name as campaign_name,
    status,
    advertising_channel_type as campaign_type
from {{ source('google_ads', 'campaigns') }}
