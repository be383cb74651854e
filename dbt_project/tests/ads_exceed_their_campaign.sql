{{ config(severity='warn', store_failures=true) }}
-- each figure is rounded to the currency's smallest unit before it is added up: half of a cent each, the campaign's own included
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
    || ': its ads report more than the campaign. They were read in different requests: refresh that day once more.' as message
from {{ ref('int_ad_delivery') }} as rests
left join ads on {{ same_campaign('rests', 'ads') }} and rests.date = ads.date
where
    rests.ad_id is null
    and (
        rests.impressions < 0
        or rests.clicks < 0
        or rests.spend < cast(-0.005 as decimal(18, 6)) * (coalesce(ads.figures, 0) + 1)
    )
