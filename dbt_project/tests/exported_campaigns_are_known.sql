{{ config(severity='warn', store_failures=true, meta={'dagster': {'ref': {'name': 'hubspot_ads_export'}}}) }}

select
    exports.network,
    exports.campaign_id,
    exports.campaign_name,
    'The seed hubspot_ads_export names the campaign ' || coalesce(exports.campaign_id, exports.campaign_name, '(none)') || ' of '
    || exports.network || ', which fits ' || count(campaigns.campaign_id) || ' campaigns: put its id into campaign_id.' as message
from {{ ref('hubspot_ads_export') }} as exports
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
group by exports.network, exports.campaign_id, exports.campaign_name
having count(campaigns.campaign_id) != 1
