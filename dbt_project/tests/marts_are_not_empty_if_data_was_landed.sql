{{ config(meta={'dagster': {'ref': {'name': 'fct_ad_performance_daily'}}}) }}

select 'fct_sessions' as empty_mart
where
    exists (select 1 from {{ source('hubspot', 'page_view_events') }} where occurred_at <= {{ as_of() }})
    and not exists (select 1 from {{ ref('fct_sessions') }})
union all
select 'fct_form_submissions' as empty_mart
where
    exists (select 1 from {{ source('hubspot', 'form_submissions') }} where submitted_at <= {{ as_of() }})
    and not exists (select 1 from {{ ref('fct_form_submissions') }})
union all
select 'fct_first_conversions' as empty_mart
where
    exists (
        select 1 from {{ source('hubspot', 'contacts') }}
        where hs_calculated_form_submissions != '' and not archived and try_cast(createdate as timestamptz) <= {{ as_of() }}
    )
    and not exists (select 1 from {{ ref('fct_first_conversions') }})
union all
select 'fct_network_conversions: ' || observed.network as empty_mart
from {{ ref('int_campaign_observations') }} as observed
where observed.superseded_at is null
group by observed.network
having
    sum(observed.conversions) > 0
    and observed.network not in (select conversions.network from {{ ref('fct_network_conversions') }} as conversions)
union all
select 'fct_ad_performance_daily: ' || observed.network as empty_mart
from {{ ref('int_campaign_observations') }} as observed
group by observed.network
having
    sum(observed.impressions) > 0
    and observed.network not in (select performance.network from {{ ref('fct_ad_performance_daily') }} as performance)
