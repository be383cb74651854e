select
    customer_id as account_id,
    id as campaign_id,
    name as campaign_name,
    status,
    advertising_channel_type as campaign_type,
    advertising_channel_sub_type as campaign_sub_type,
    -- in the account's time zone
    cast(start_date_time as timestamp) as starts_at_local,
    cast(end_date_time as timestamp) as ends_at_local,
    tracking_url_template,
    final_url_suffix
from {{ source('google_ads', 'campaigns') }}
