{{ config(materialized='ephemeral') }}
select
    account_id,
    date,
    campaign_id,
    ad_group_id,
    ad_id,
    impressions,
    clicks,
    spend
from {{ ref('stg_facebook_ads__ad_insights') }}
