{{ config(materialized='ephemeral') }}
select
    account_id,
    campaign_id,
    ad_group_id,
    ad_id,
    ad_name,
    status,
    is_lead_ad,
    final_url,
    status = 'DELETED' as is_deleted
from {{ ref('stg_facebook_ads__ads') }}
