select
    'google_ads' as network,
    account_id,
    campaign_id,
    ad_group_id,
    ad_id,
    ad_name,
    status,
    ad_type,
    false as is_lead_ad,
    final_url,
    status = 'REMOVED' as is_deleted
from {{ ref('stg_google_ads__ads') }}
union all by name
select
    'facebook_ads' as network,
    account_id,
    campaign_id,
    ad_group_id,
    ad_id,
    ad_name,
    status,
    cast(null as varchar) as ad_type,
    is_lead_ad,
    final_url,
    status = 'DELETED' as is_deleted
from {{ ref('stg_facebook_ads__ads') }}
union all by name
select
    'linkedin_ads' as network,
    creatives.account_id,
    campaigns.campaign_id,
    creatives.ad_group_id,
    creatives.ad_id,
    creatives.ad_name,
    creatives.status,
    cast(null as varchar) as ad_type,
    creatives.form_id is not null or campaigns.objective_type = 'LEAD_GENERATION' as is_lead_ad,
    creatives.final_url,
    creatives.status in ('REMOVED', 'PENDING_DELETION') as is_deleted
from {{ ref('stg_linkedin_ads__creatives') }} as creatives
inner join {{ ref('int_linkedin_ads__campaigns') }} as campaigns
    on creatives.account_id = campaigns.account_id and creatives.ad_group_id = campaigns.ad_group_id
