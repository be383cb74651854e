{{ config(severity='warn', store_failures=true, meta={'dagster': {'ref': {'name': 'stg_hubspot__ads_export'}}}) }}

select
    exports.network,
    exports.campaign_id,
    exports.campaign_name,
    'The ' || exports.told_by || ' names the campaign '
    || coalesce(exports.campaign_id, exports.campaign_name, '(none)') || ' of ' || exports.network
    || ', which fits ' || count(campaigns.campaign_id) || ' campaigns: '
    || case exports.told_by
        when 'downloaded file' then 'its contacts stand beside nothing.'
        else 'put its id into campaign_id.'
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
-- a file has every network of the portal, whichever of them are read here
where
    exports.told_by != 'downloaded file'
    or exists (select 1 from {{ ref('dim_campaign') }} as known where exports.network = known.network)
group by exports.told_by, exports.network, exports.campaign_id, exports.campaign_name
having count(campaigns.campaign_id) != 1
