{{ config(materialized='ephemeral') }}
select
    account_id,
    campaign_id,
    ad_group_id,
    ad_group_name,
    status,
    ad_group_type as ad_type,
    status = 'REMOVED' as is_deleted
from {{ ref('stg_google_ads__ad_groups') }}
