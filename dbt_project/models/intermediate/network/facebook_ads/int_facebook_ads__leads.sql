{{ config(materialized='ephemeral') }}
select
    coalesce(ads.account_id, campaigns.account_id) as account_id,
    leads.campaign_id,
    leads.ad_group_id,
    leads.ad_id,
    leads.lead_id,
    leads.form_id,
    leads.created_at,
    leads.is_test,
    leads.is_organic,
    leads.email
from {{ ref('stg_facebook_ads__leads') }} as leads
left join {{ ref('stg_facebook_ads__ads') }} as ads on leads.ad_id = ads.ad_id
left join {{ ref('stg_facebook_ads__campaigns') }} as campaigns on leads.campaign_id = campaigns.campaign_id
