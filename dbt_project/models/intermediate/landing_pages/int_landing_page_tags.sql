select
    url,
    tag
from {{ ref('stg_landing_pages__tags') }}
union
select
    url,
    'network:' || network as tag
from {{ ref('int_landing_page_campaigns') }}
union
select
    url,
    'network:' || source as tag
from {{ ref('stg_landing_pages__urls') }}
where source in (select networks.network from {{ ref('networks') }} as networks)
union
select
    url,
    'campaign:' || campaign_id as tag
from {{ ref('int_landing_page_campaigns') }}
