{{ config(severity='warn', store_failures=true, meta={'dagster': {'ref': {'name': 'stg_hubspot__ads_export'}}}) }}

select
    exports.network,
    exports.campaign_id,
    exports.campaign_name,
    'HubSpot ads export (' || exports.export_origin || '), ' || exports.network || ' campaign '
    || coalesce(exports.campaign_id, exports.campaign_name, '(none)') || ': matches '
    || count(campaigns.campaign_id) || ' campaigns instead of 1. '
    || case exports.export_origin
        when 'downloaded file' then 'Its contacts are not compared in hubspot_check.'
        else 'Set its campaign_id in the seed.'
    end as message
from {{ ref('stg_hubspot__ads_export') }} as exports
left join {{ ref('dim_campaign') }} as campaigns
    on
        exports.network = campaigns.network
        and (
            exports.campaign_id = campaigns.campaign_id
            or (
                exports.campaign_id is null
                and lower(trim(exports.campaign_name)) = lower(trim(campaigns.campaign_name))
            )
        )
-- a file contains every network of the portal, also networks that are not loaded here
where
    exports.export_origin != 'downloaded file'
    or exists (select 1 from {{ ref('dim_campaign') }} as known where exports.network = known.network)
group by exports.export_origin, exports.network, exports.campaign_id, exports.campaign_name
having count(campaigns.campaign_id) != 1
