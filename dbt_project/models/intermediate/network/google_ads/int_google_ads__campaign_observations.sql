{{ config(materialized='ephemeral') }}
select
    account_id,
    campaign_id,
    date,
    impressions,
    clicks,
    spend,
    conversions,
    observed_at,
    superseded_at,
    is_day_marker
from {{ ref('stg_google_ads__campaign_observations') }}
