with links as (
    select
        network,
        account_id,
        ad_id,
        url as link,
        landing_page_url
    from {{ ref('int_ad_pages') }}
    where ad_id is not null
),

-- the URL from the API, else from the ad's clicks
ad_links as (
    select * from links
    union all
    select
        clicked.network,
        clicked.account_id,
        clicked.ad_id,
        clicked.link,
        urls.url as landing_page_url
    from (
        select
            network,
            account_id,
            ad_id,
            arg_max(split_part(landing_page_url, '?', 1), started_at) as link
        from {{ ref('int_sessions') }}
        where is_ad_click and ad_id is not null
        group by network, account_id, ad_id
        having (network, account_id, ad_id) not in (select (links.network, links.account_id, links.ad_id) from links)
    ) as clicked
    left join {{ ref('stg_landing_pages__urls') }} as urls on urls.source = 'hubspot' and clicked.link = urls.final_url
)

select
    {{ ad_key('ads.') }},
    coalesce(ad_links.landing_page_url, split_part(ad_links.link, '?', 1)) as landing_page_url,
    {{ url_location('ad_links.link') }} as link_location,
    pages.* exclude (landing_page_url)
from {{ ref('int_tracking_ads') }} as ads
inner join ad_links
    on ads.network = ad_links.network and ads.account_id = ad_links.account_id and ads.ad_id = ad_links.ad_id
left join {{ ref('int_landing_pages') }} as pages on ad_links.landing_page_url = pages.landing_page_url
-- lead ads have their form on the network
where not ads.is_lead_ad
