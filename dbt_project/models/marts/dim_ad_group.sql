with ad_groups as (
    select * from {{ ref('int_ad_groups') }}
    union all by name
    select distinct
        ads.network,
        ads.account_id,
        ads.campaign_id,
        ads.ad_group_id,
        true as is_deleted
    from {{ ref('dim_ad') }} as ads
    where
        not exists (
            select 1
            from {{ ref('int_ad_groups') }} as listed
            where {{ same_campaign('listed', 'ads') }} and listed.ad_group_id = ads.ad_group_id
        )
),

ads as (
    select
        network,
        account_id,
        campaign_id,
        ad_group_id,
        bool_and(is_lead_ad) as is_lead_ad,
        case when count(distinct final_url) = 1 then max(final_url) end as final_url
    from {{ ref('dim_ad') }}
    group by network, account_id, campaign_id, ad_group_id
)

select
    ad_groups.network,
    ad_groups.account_id,
    ad_groups.campaign_id,
    ad_groups.ad_group_id,
    ad_groups.ad_group_name,
    accounts.account_name,
    accounts.currency as account_currency,
    accounts.time_zone as account_time_zone,
    ad_groups.status,
    ad_groups.ad_type,
    coalesce(ads.is_lead_ad, false) as is_lead_ad,
    ads.final_url,
    coalesce(ad_groups.is_deleted, false) as is_deleted
from ad_groups
inner join {{ ref('int_accounts') }} as accounts
    on ad_groups.network = accounts.network and ad_groups.account_id = accounts.account_id
left join ads
    on {{ same_campaign('ad_groups', 'ads') }} and ad_groups.ad_group_id = ads.ad_group_id
