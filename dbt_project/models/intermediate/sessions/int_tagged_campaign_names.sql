-- HubSpot's drill-down keeps the utm_campaign of a session whose URL is gone; the URLs that are left show its campaign
with landings as (
    select url from {{ ref('int_property_visits') }}
    union
    select page_url as url from {{ ref('int_submissions') }}
    where form_type != 'lead_ad' and exists (select 1 from {{ ref('int_property_visits') }})
)

select
    lower(urls.utm_campaign) as name,
    any_value(urls.hsa_network) as network,
    any_value(urls.hsa_account_id) as account_id,
    any_value(urls.hsa_campaign_id) as campaign_id
from landings
inner join {{ ref('int_tagged_urls') }} as urls on landings.url = urls.url
where urls.utm_campaign is not null
group by lower(urls.utm_campaign)
-- a name that also appears without HubSpot's parameters may have come without them
having
    count(distinct concat_ws('|', urls.hsa_network, urls.hsa_account_id, urls.hsa_campaign_id)) = 1
    and bool_and(urls.hsa_network is not null and urls.hsa_account_id is not null and urls.hsa_campaign_id is not null)
