{{ config(materialized='ephemeral') }}
select
    figures.account_id,
    campaigns.campaign_id,
    figures.date,
    figures.impressions,
    figures.clicks,
    figures.spend,
    {{ amount('figures.conversions') }} as conversions,
    figures.observed_at,
    figures.superseded_at,
    figures.is_day_marker
from {{ ref('stg_linkedin_ads__campaign_observations') }} as figures
left join {{ ref('int_linkedin_ads__ad_groups') }} as campaigns
    on figures.account_id = campaigns.account_id and figures.ad_group_id = campaigns.ad_group_id
