-- Performance Max campaigns have figures but no ads
with referenced as (
    select distinct
        network,
        account_id,
        campaign_id
    from {{ ref('fct_ad_performance_daily') }}
    union
    select distinct
        network,
        account_id,
        campaign_id
    from {{ ref('dim_ad_group') }}
),

campaigns as (
    select * from {{ ref('int_campaigns') }}
    union all by name
    select
        referenced.network,
        referenced.account_id,
        referenced.campaign_id,
        true as is_deleted
    from referenced
    where
        not exists (
            select 1
            from {{ ref('int_campaigns') }} as listed
            where {{ same_campaign('listed', 'referenced') }}
        )
),

ads as (
    select
        network,
        account_id,
        campaign_id,
        bool_and(is_lead_ad) as is_lead_ad,
        case when count(distinct final_url) = 1 then max(final_url) end as final_url
    from {{ ref('dim_ad') }}
    group by network, account_id, campaign_id
)

select
    campaigns.network,
    campaigns.account_id,
    campaigns.campaign_id,
    campaigns.campaign_name,
    accounts.account_name,
    accounts.currency as account_currency,
    accounts.time_zone as account_time_zone,
    campaigns.status,
    campaigns.campaign_type,
    coalesce(ads.is_lead_ad, false) as is_lead_ad,
    ads.final_url,
    coalesce(campaigns.is_deleted, false) as is_deleted
from campaigns
inner join {{ ref('int_accounts') }} as accounts
    on campaigns.network = accounts.network and campaigns.account_id = accounts.account_id
left join ads on {{ same_campaign('campaigns', 'ads') }}
