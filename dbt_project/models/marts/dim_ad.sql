-- an ad with figures or credit that its network no longer lists counts as deleted
with referenced as (
    select {{ ad_key() }}
    from {{ ref('fct_ad_performance_daily') }}
    where ad_group_id is not null and ad_id is not null
    union
    select {{ ad_key() }}
    from {{ ref('fct_contact_attribution') }}
    where ad_group_id is not null and ad_id is not null
),

ads as (
    select * from {{ ref('int_ads') }}
    union all by name
    select
        {{ ad_key('referenced.') }},
        false as is_lead_ad,
        true as is_deleted
    from referenced
    where
        not exists (
            select 1
            from {{ ref('int_ads') }} as listed
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
