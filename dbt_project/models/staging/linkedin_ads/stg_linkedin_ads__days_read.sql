select distinct
    account_id,
    date
from {{ source('linkedin_ads', 'campaign_analytics') }}
where is_day_marker and observed_at <= {{ as_of() }}
