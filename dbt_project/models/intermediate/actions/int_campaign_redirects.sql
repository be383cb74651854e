select
    campaign_pages.network,
    campaign_pages.account_id,
    campaign_pages.campaign_id,
    {{ url_location('coalesce(pages.final_url, pages.landing_page_url)') }} as location,
    min(pages.landing_page_url) as landing_page_url
from {{ ref('int_campaign_pages') }} as campaign_pages
inner join {{ ref('int_landing_pages') }} as pages on campaign_pages.landing_page_url = pages.landing_page_url
group by all
-- only if no ad of the campaign links to the page directly
having bool_and(pages.drops_parameters)
