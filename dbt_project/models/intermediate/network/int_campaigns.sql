select
    'google_ads' as network,
    account_id,
    campaign_id,
    campaign_name,
    status,
    campaign_type,
    status = 'REMOVED' as is_deleted
from {{ ref('stg_google_ads__campaigns') }}
union all by name
select
    'facebook_ads' as network,
    account_id,
    campaign_id,
    campaign_name,
    status,
    campaign_type,
    status = 'DELETED' as is_deleted
from {{ ref('stg_facebook_ads__campaigns') }}
union all by name
select
    'linkedin_ads' as network,
    account_id,
    campaign_id,
    campaign_name,
    status,
    cast(null as varchar) as campaign_type,
    status in ('REMOVED', 'PENDING_DELETION') as is_deleted
from {{ ref('stg_linkedin_ads__campaign_groups') }}
