{{ config(materialized='ephemeral') }}
select
    creatives.account_id,
    campaigns.campaign_id,
    creatives.ad_group_id,
    creatives.ad_id,
    creatives.ad_name,
    creatives.status,
    creatives.form_id is not null or campaigns.objective_type = 'LEAD_GENERATION' as is_lead_ad,
    creatives.final_url,
    creatives.urls,
    creatives.status in ('REMOVED', 'PENDING_DELETION') as is_deleted
from {{ ref('stg_linkedin_ads__creatives') }} as creatives
inner join {{ ref('int_linkedin_ads__ad_groups') }} as campaigns
    on creatives.account_id = campaigns.account_id and creatives.ad_group_id = campaigns.ad_group_id
