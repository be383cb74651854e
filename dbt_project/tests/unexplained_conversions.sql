{{ config(severity='warn', store_failures=true) }}

select
    network,
    account_id,
    campaign_id,
    date,
    units,
    network || ' account ' || account_id || ', campaign ' || campaign_id || ', ' || date || ': the parts of the network''s figure'
    || ' exceed its total by ' || round(units, 2) || '. Refresh that day again; if the warning stays, report it.' as message
from {{ ref('conversion_bridge') }}
-- the network's figures are the same under every report
where step = 'unexplained' and attribution_report = '{{ setting("default_attribution_report") }}'
