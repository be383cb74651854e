with ads as (
    select * from {{ ref('int_tracking_ads') }}
),

tagged as (
    select * from {{ ref('int_tracking_clicks') }}
    where is_tagged
),

-- possible ads of a tagged click: by any id at any level, or by the campaign alone
meant as (
    select
        keys.session_id,
        ads.account_id,
        ads.ad_id
    from (
        select
            session_id,
            network,
            unnest([hsa_ad_id, hsa_ad_group_id, hsa_campaign_id]) as id
        from tagged
    ) as keys
    inner join ads on keys.network = ads.network and keys.id = ads.ad_id
    union
    select
        keys.session_id,
        ads.account_id,
        ads.ad_id
    from (
        select
            session_id,
            network,
            unnest([hsa_campaign_id, hsa_ad_id]) as id
        from tagged
    ) as keys
    inner join ads on keys.network = ads.network and keys.id = ads.ad_group_id
    union
    select
        tagged.session_id,
        ads.account_id,
        ads.ad_id
    from tagged
    inner join ads on tagged.network = ads.network and tagged.hsa_campaign_id = ads.campaign_id
    where tagged.hsa_ad_id is null
),

arrivals as (
    select
        ads.network,
        ads.account_id,
        ads.ad_id,
        tagged.started_at,
        case
            when
                tagged.hsa_account_id = ads.account_id
                and tagged.hsa_campaign_id = ads.campaign_id
                and coalesce(tagged.hsa_ad_group_id = ads.ad_group_id, true)
                and coalesce(tagged.hsa_ad_id = ads.ad_id, true)
                then 'right'
            else 'wrong'
        end as arrival
    from tagged
    inner join meant on tagged.session_id = meant.session_id
    inner join ads
        on tagged.network = ads.network and meant.account_id = ads.account_id and meant.ad_id = ads.ad_id
    union all
    select
        ads.network,
        ads.account_id,
        ads.ad_id,
        untagged.started_at,
        'untagged' as arrival
    from {{ ref('int_tracking_untagged_clicks') }} as untagged
    inner join ads on untagged.network = ads.network and untagged.ad_id = ads.ad_id
)

select
    network,
    account_id,
    ad_id,
    count_if(arrival = 'right') as right_clicks,
    count_if(arrival = 'wrong') as wrong_clicks,
    count_if(arrival = 'untagged') as untagged_clicks,
    arg_max(arrival, started_at) = 'wrong' as is_last_wrong,
    arg_max(arrival, started_at) = 'untagged' as is_last_untagged
from arrivals
group by network, account_id, ad_id
