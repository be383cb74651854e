{{ config(severity='warn', store_failures=true) }}
-- tolerance: each figure, including the campaign's own, is rounded to the currency's smallest unit (half a cent each)
with ads as (
    select
        network,
        account_id,
        campaign_id,
        date,
        count(*) as figures
    from {{ ref('int_ad_delivery') }}
    where ad_id is not null
    group by network, account_id, campaign_id, date
)

select
    rests.network,
    rests.account_id,
    rests.campaign_id,
    rests.date,
    rests.impressions,
    rests.clicks,
    rests.spend,
    rests.network || ' account ' || rests.account_id || ', campaign ' || rests.campaign_id || ', ' || rests.date
    || ': the ads'' figures exceed the campaign''s. They were loaded in different requests: refresh that day again.' as message
from {{ ref('int_ad_delivery') }} as rests
left join ads on {{ same_campaign('rests', 'ads') }} and rests.date = ads.date
where
    rests.ad_id is null
    and (
        rests.impressions < 0
        or rests.clicks < 0
        or rests.spend < {{ amount('-0.005') }} * (coalesce(ads.figures, 0) + 1)
    )
