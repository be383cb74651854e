-- an untagged click is matched by click_view, by utm_*, or by a landing page of only one campaign;
-- ties are not matched
with clicks as (
    select * from {{ ref('int_tracking_clicks') }}
    where not is_tagged and network is not null
),

campaign_names as (
    select
        network,
        campaign_id,
        campaign_id as name
    from {{ ref('dim_campaign') }}
    union
    select
        network,
        campaign_id,
        lower(campaign_name) as name
    from {{ ref('dim_campaign') }}
    where campaign_name is not null
),

by_utm as (
    select
        clicks.session_id,
        min(names.campaign_id) as campaign_id,
        count(distinct names.campaign_id) as campaigns
    from (
        select
            session_id,
            network,
            unnest([utm_id, lower(utm_campaign)]) as name
        from clicks
    ) as clicks
    inner join campaign_names as names on clicks.network = names.network and clicks.name = names.name
    group by clicks.session_id
),

by_page as (
    select
        network,
        link_location,
        min(campaign_id) as campaign_id
    from {{ ref('int_tracking_pages') }}
    group by network, link_location
    having count(distinct campaign_id) = 1
)

select
    clicks.session_id,
    clicks.started_at,
    clicks.network,
    clicks.location,
    clicks.clicked_ad_id as ad_id,
    coalesce(
        clicks.clicked_campaign_id,
        case when by_utm.campaigns = 1 then by_utm.campaign_id end,
        case when by_utm.campaigns is null then by_page.campaign_id end
    ) as campaign_id
from clicks
left join by_utm on clicks.session_id = by_utm.session_id
left join by_page on clicks.network = by_page.network and clicks.location = by_page.link_location
