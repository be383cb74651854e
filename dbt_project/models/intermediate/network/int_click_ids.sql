select
    gclid as google_click_id,
    max(account_id) as account_id,
    max(campaign_id) as campaign_id,
    case when count(distinct coalesce(ad_group_id, '')) = 1 then max(ad_group_id) end as ad_group_id,
    case when count(distinct coalesce(ad_id, '')) = 1 then max(ad_id) end as ad_id
from {{ ref('stg_google_ads__click_views') }}
where gclid is not null
group by gclid
-- ties match no ad
having count(distinct account_id || '|' || campaign_id) = 1 and max(campaign_id) is not null
