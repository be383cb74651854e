{{ config(materialized='ephemeral') }}
select
    figures.account_id,
    figures.date,
    ads.campaign_id,
    ads.ad_group_id,
    figures.ad_id,
    figures.impressions,
    figures.clicks,
    figures.spend
from {{ ref('stg_linkedin_ads__creative_analytics') }} as figures
inner join {{ ref('int_linkedin_ads__ads') }} as ads on figures.account_id = ads.account_id and figures.ad_id = ads.ad_id
