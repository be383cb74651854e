select
    landing_page_url as url,
    network,
    campaign_id
from {{ ref('int_campaign_pages') }}
where landing_page_url is not null
union
-- URLs known only from ad clicks
select
    urls.url,
    sessions.network,
    sessions.campaign_id
from {{ ref('stg_landing_pages__urls') }} as urls
inner join {{ ref('int_sessions') }} as sessions on urls.final_url = split_part(sessions.landing_page_url, '?', 1)
where urls.source = 'hubspot' and sessions.is_ad_click
