{{ config(materialized='ephemeral') }}
select
    *,
    status in ('REMOVED', 'PENDING_DELETION') as is_deleted
from {{ ref('stg_linkedin_ads__campaign_groups') }}
union all by name
-- accounts that are older than campaign groups, and those of some agencies, have campaigns without one
select distinct
    account_id,
    campaign_id,
    'No campaign group' as campaign_name,
    false as is_deleted
from {{ ref('int_linkedin_ads__ad_groups') }}
where campaign_id = 'no_campaign_group'
