-- parts larger than their total: the network's data contradicts itself in these groups
{{ config(severity='warn') }}

select
    network,
    account_id,
    campaign_id,
    date,
    units
from {{ ref('conversion_bridge') }}
-- the network's side is the same under every report
where step = 'unexplained' and attribution_report = '{{ setting("default_attribution_report") }}'
