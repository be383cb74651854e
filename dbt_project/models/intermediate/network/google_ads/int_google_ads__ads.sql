{{ config(materialized='ephemeral') }}
select
    account_id,
    campaign_id,
    ad_group_id,
    ad_id,
    ad_name,
    status,
    ad_type,
    false as is_lead_ad,
    final_url,
    status = 'REMOVED' as is_deleted
from {{ ref('stg_google_ads__ads') }}
