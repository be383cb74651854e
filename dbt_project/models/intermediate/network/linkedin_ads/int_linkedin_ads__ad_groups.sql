with named as (
    select
        account_id,
        ad_group_id
    from {{ ref('stg_linkedin_ads__campaign_observations') }}
    union
    select
        account_id,
        ad_group_id
    from {{ ref('stg_linkedin_ads__campaign_conversions') }}
    union
    select
        account_id,
        ad_group_id
    from {{ ref('stg_linkedin_ads__creatives') }}
    union
    select
        account_id,
        ad_group_id
    from {{ ref('stg_linkedin_ads__leads') }}
)

select
    account_id,
    coalesce(campaign_id, 'no_campaign_group') as campaign_id,
    ad_group_id,
    ad_group_name,
    status,
    objective_type,
    objective_type as ad_type,
    status in ('REMOVED', 'PENDING_DELETION') as is_deleted
from {{ ref('stg_linkedin_ads__campaigns') }}
union all by name
select
    named.account_id,
    'unknown_campaign_group' as campaign_id,
    named.ad_group_id,
    true as is_deleted
from named
where
    named.ad_group_id is not null
    and not exists (
        select 1
        from {{ ref('stg_linkedin_ads__campaigns') }} as listed
        where listed.account_id = named.account_id and listed.ad_group_id = named.ad_group_id
    )
