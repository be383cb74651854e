{{ config(materialized='ephemeral') }}
select
    account_id,
    campaign_id,
    ad_group_id,
    ad_id,
    unnest(urls) as url
from {{ ref('int_linkedin_ads__ads') }}
