select
    customer_id as account_id,
    auto_tagging_enabled as is_auto_tagged,
    tracking_url_template,
    final_url_suffix,
    conversion_customer_id as conversion_account_id,
    conversion_tracking_status
from {{ source('google_ads', 'customer_settings') }}
