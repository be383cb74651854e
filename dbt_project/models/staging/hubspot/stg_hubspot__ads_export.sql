select
    'downloaded file' as export_origin,
    attribution_report,
    network,
    campaign_id,
    campaign_name,
    first_date,
    last_date,
    contacts
from {{ source('hubspot', 'ads_export') }}
union all by name
select
    'seed hubspot_ads_export' as export_origin,
    typed.*
from {{ ref('hubspot_ads_export') }} as typed
-- a downloaded file takes precedence over the seed
where
    not exists (
        select 1
        from {{ source('hubspot', 'ads_export') }} as downloaded
        where
            typed.attribution_report = downloaded.attribution_report
            and typed.network = downloaded.network
            and typed.first_date is not distinct from downloaded.first_date
            and typed.last_date is not distinct from downloaded.last_date
    )
