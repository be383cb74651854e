select
    'downloaded file' as told_by,
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
    'seed hubspot_ads_export' as told_by,
    typed.*
from {{ ref('hubspot_ads_export') }} as typed
-- what was typed by hand counts where no file tells it
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
