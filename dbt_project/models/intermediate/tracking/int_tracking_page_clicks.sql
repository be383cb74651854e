with arrivals as (
    select
        network,
        hsa_campaign_id as campaign_id,
        location,
        started_at,
        true as is_tagged
    from {{ ref('int_tracking_clicks') }}
    where is_tagged
    union all
    select
        network,
        campaign_id,
        location,
        started_at,
        false as is_tagged
    from {{ ref('int_tracking_untagged_clicks') }}
    where campaign_id is not null and ad_id is null
),

-- an ad may link to one page by several URLs
pages as (
    select distinct
        network,
        account_id,
        ad_id,
        campaign_id,
        link_location
    from {{ ref('int_tracking_pages') }}
)

select
    pages.network,
    pages.account_id,
    pages.ad_id,
    count_if(arrivals.is_tagged) as tagged_clicks,
    count_if(not arrivals.is_tagged) as untagged_clicks,
    not arg_max(arrivals.is_tagged, arrivals.started_at) as is_last_untagged
from pages
inner join arrivals
    on
        pages.network = arrivals.network
        and pages.campaign_id = arrivals.campaign_id
        and pages.link_location = arrivals.location
group by pages.network, pages.account_id, pages.ad_id
