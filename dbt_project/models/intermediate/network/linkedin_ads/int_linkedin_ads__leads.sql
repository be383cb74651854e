{{ config(materialized='ephemeral') }}
select
    leads.account_id,
    campaigns.campaign_id,
    leads.ad_group_id,
    leads.ad_id,
    leads.lead_id,
    leads.form_id,
    leads.created_at,
    leads.is_test,
    false as is_organic,
    leads.email
from {{ ref('stg_linkedin_ads__leads') }} as leads
left join {{ ref('int_linkedin_ads__ad_groups') }} as campaigns
    on leads.account_id = campaigns.account_id and leads.ad_group_id = campaigns.ad_group_id
