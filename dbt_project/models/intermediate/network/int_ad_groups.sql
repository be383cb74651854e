select
    'google_ads' as network,
    account_id,
    campaign_id,
    ad_group_id,
    ad_group_name,
    status,
    ad_group_type as ad_type,
    status = 'REMOVED' as is_deleted
from {{ ref('stg_google_ads__ad_groups') }}
union all by name
select
    'facebook_ads' as network,
    account_id,
    campaign_id,
    ad_group_id,
    ad_group_name,
    status,
    status = 'DELETED' as is_deleted
from {{ ref('stg_facebook_ads__ad_sets') }}
union all by name
select
    'linkedin_ads' as network,
    account_id,
    campaign_id,
    ad_group_id,
    ad_group_name,
    status,
    objective_type as ad_type,
    is_deleted
from {{ ref('int_linkedin_ads__campaigns') }}
