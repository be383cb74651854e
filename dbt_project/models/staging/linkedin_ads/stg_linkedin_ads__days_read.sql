select
    account_id,
    date,
    min(observed_at) as first_read_at
from {{ source('linkedin_ads', 'campaign_analytics') }}
where is_day_marker and observed_at <= {{ as_of() }}
group by all
