{{ config(severity='warn', store_failures=true) }}
select
    network,
    account_id,
    campaign_id,
    date,
    impressions,
    clicks,
    spend,
    network || ' account ' || account_id || ', campaign ' || campaign_id || ', ' || date || ': its ads report more than the'
    || ' campaign. They were read in different requests: refresh that day once more.' as message
from {{ ref('int_ad_delivery') }}
where ad_id is null and (impressions < 0 or clicks < 0 or spend < -0.01)
