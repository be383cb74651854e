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
union all by name
-- accounts that are older than campaign groups, and those of some agencies, have campaigns without one
select distinct
    'linkedin_ads' as network,
    account_id,
    campaign_id,
    'No campaign group' as campaign_name,
    false as is_deleted
from {{ ref('int_linkedin_ads__campaigns') }}
where campaign_id = 'no_campaign_group'
