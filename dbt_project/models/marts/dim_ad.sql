with listed as (
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
    inner join {{ ref('stg_linkedin_ads__campaigns') }} as campaigns
        on creatives.account_id = campaigns.account_id and creatives.ad_group_id = campaigns.ad_group_id
),

-- what has figures or credit, but is listed no longer, was deleted
referenced as (
    select {{ ad_key() }}
    from {{ ref('fct_ad_performance_daily') }}
    where ad_group_id is not null and ad_id is not null
    union
    select {{ ad_key() }}
    from {{ ref('fct_contact_attribution') }}
    where ad_group_id is not null and ad_id is not null
),

ads as (
    select * from listed
    union all by name
    select
        {{ ad_key('referenced.') }},
        false as is_lead_ad,
        true as is_deleted
    from referenced
    where
        not exists (
            select 1
            from listed
            where {{ same_ad('listed', 'referenced') }}
        )
)

select
    ads.network,
    ads.account_id,
    ads.campaign_id,
    ads.ad_group_id,
    ads.ad_id,
    ads.ad_name,
    accounts.account_name,
    accounts.currency as account_currency,
    accounts.time_zone as account_time_zone,
    ads.status,
    ads.ad_type,
    coalesce(ads.is_lead_ad, false) as is_lead_ad,
    ads.final_url,
    coalesce(ads.is_deleted, false) as is_deleted
from ads
inner join {{ ref('int_accounts') }} as accounts
    on ads.network = accounts.network and ads.account_id = accounts.account_id
