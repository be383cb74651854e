select
    'google_ads' as network,
    account_id,
    date
from {{ ref('stg_google_ads__days_read') }}
union all
select
    'facebook_ads' as network,
    account_id,
    date
from {{ ref('stg_facebook_ads__days_read') }}
union all
select
    'linkedin_ads' as network,
    account_id,
    date
from {{ ref('stg_linkedin_ads__days_read') }}
