with ads as (
    select
        network,
        {{ ad_day() }},
        impressions,
        clicks,
        spend
    from ({{ union_networks('int_{network}__ad_delivery') }}) as networks
),

campaigns as (
    select
        network,
        account_id,
        date,
        campaign_id,
        impressions,
        clicks,
        spend
    from {{ ref('int_campaign_observations') }}
    -- a campaign that is no longer listed has no campaign group on LinkedIn
    where {{ current_figures() }} and campaign_id is not null
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
    {{ ad_key() }},
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
