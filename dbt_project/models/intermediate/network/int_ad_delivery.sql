with ads as (
    select
        'google_ads' as network,
        account_id,
        date,
        campaign_id,
        ad_group_id,
        ad_id,
        impressions,
        clicks,
        spend
    from {{ ref('stg_google_ads__ad_metrics') }}
    union all by name
    select
        'facebook_ads' as network,
        account_id,
        date,
        campaign_id,
        ad_group_id,
        ad_id,
        impressions,
        clicks,
        spend
    from {{ ref('stg_facebook_ads__ad_insights') }}
    union all by name
    select
        'linkedin_ads' as network,
        figures.account_id,
        figures.date,
        campaigns.campaign_id,
        creatives.ad_group_id,
        figures.ad_id,
        figures.impressions,
        figures.clicks,
        figures.spend
    from {{ ref('stg_linkedin_ads__creative_analytics') }} as figures
    inner join {{ ref('stg_linkedin_ads__creatives') }} as creatives
        on figures.account_id = creatives.account_id and figures.ad_id = creatives.ad_id
    inner join {{ ref('int_linkedin_ads__campaigns') }} as campaigns
        on creatives.account_id = campaigns.account_id and creatives.ad_group_id = campaigns.ad_group_id
),

campaigns as (
    select
        'google_ads' as network,
        account_id,
        date,
        campaign_id,
        impressions,
        clicks,
        spend
    from {{ ref('stg_google_ads__campaign_metrics') }}
    union all by name
    select
        'facebook_ads' as network,
        account_id,
        date,
        campaign_id,
        impressions,
        clicks,
        spend
    from {{ ref('stg_facebook_ads__campaign_insights') }}
    union all by name
    select
        'linkedin_ads' as network,
        figures.account_id,
        figures.date,
        campaigns.campaign_id,
        figures.impressions,
        figures.clicks,
        figures.spend
    from {{ ref('stg_linkedin_ads__campaign_analytics') }} as figures
    inner join {{ ref('int_linkedin_ads__campaigns') }} as campaigns
        on figures.account_id = campaigns.account_id and figures.ad_group_id = campaigns.ad_group_id
),

remainders as (
    select
        network,
        account_id,
        date,
        campaign_id,
        sum(impressions) as impressions,
        sum(clicks) as clicks,
        sum(spend) as spend
    from (
        select * from campaigns
        union all by name
        select
            * exclude (ad_group_id, ad_id)
            replace (-impressions as impressions, -clicks as clicks, -spend as spend)
        from ads
    ) as signed
    group by network, account_id, date, campaign_id
    having sum(impressions) != 0 or sum(clicks) != 0 or sum(spend) != 0
)

select
    network,
    account_id,
    campaign_id,
    ad_group_id,
    ad_id,
    date,
    sum(impressions) as impressions,
    sum(clicks) as clicks,
    sum(spend) as spend
from (
    select * from ads
    union all by name
    select * from remainders
) as levels
group by network, account_id, campaign_id, ad_group_id, ad_id, date
