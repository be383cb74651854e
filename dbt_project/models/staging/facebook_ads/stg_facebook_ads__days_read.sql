select distinct
    account_id,
    date
from {{ source('facebook_ads', 'insights_campaign') }}
where is_day_marker and observed_at <= {{ as_of() }}
