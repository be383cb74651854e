select
    'google_ads' as network,
    account_id,
    account_name,
    currency,
    time_zone
from {{ ref('stg_google_ads__accounts') }}
union all
select
    'facebook_ads' as network,
    account_id,
    account_name,
    currency,
    time_zone
from {{ ref('stg_facebook_ads__accounts') }}
union all
select
    'linkedin_ads' as network,
    account_id,
    account_name,
    currency,
    time_zone
from {{ ref('stg_linkedin_ads__accounts') }}
