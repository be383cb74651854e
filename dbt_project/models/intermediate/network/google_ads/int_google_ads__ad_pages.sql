{{ config(materialized='ephemeral') }}
select
    account_id,
    campaign_id,
    ad_group_id,
    ad_id,
    final_mobile_url as url
from {{ ref('stg_google_ads__ads') }}
where final_mobile_url is not null
union all
-- Performance Max has no ads
select
    account_id,
    campaign_id,
    null as ad_group_id,
    null as ad_id,
    unnest(list_filter([final_url, final_mobile_url], lambda url: url is not null)) as url
from {{ ref('stg_google_ads__asset_groups') }}
