{{ config(materialized='ephemeral') }}
select
    account_id,
    campaign_id,
    ad_group_id,
    ad_group_name,
    status,
    status = 'DELETED' as is_deleted,
    click_window_days
from {{ ref('stg_facebook_ads__ad_sets') }}
