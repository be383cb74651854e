{{ config(materialized='ephemeral') }}
-- carousel ads have several landing pages
select
    account_id,
    campaign_id,
    ad_group_id,
    ad_id,
    unnest(urls) as url
from {{ ref('stg_facebook_ads__ads') }}
