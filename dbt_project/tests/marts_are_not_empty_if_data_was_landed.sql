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
select 'fct_network_conversions: google_ads' as empty_mart
where
    exists (select 1 from {{ source('google_ads', 'campaign_conversions') }} where conversions > 0 and superseded_at is null)
    and not exists (select 1 from {{ ref('fct_network_conversions') }} where network = 'google_ads')
union all
select 'fct_network_conversions: linkedin_ads' as empty_mart
where
    exists (
        select 1 from {{ source('linkedin_ads', 'campaign_analytics') }}
        where external_website_conversions + one_click_leads > 0 and superseded_at is null
    )
    and not exists (select 1 from {{ ref('fct_network_conversions') }} where network = 'linkedin_ads')
union all
select 'fct_ad_performance_daily: ' || landed.network as empty_mart
from (
    select 'google_ads' as network
    where exists (select 1 from {{ source('google_ads', 'campaign_metrics') }} where impressions > 0)
    union all
    select 'facebook_ads' as network
    where exists (select 1 from {{ source('facebook_ads', 'insights_campaign') }} where impressions > 0)
    union all
    select 'linkedin_ads' as network
    where exists (select 1 from {{ source('linkedin_ads', 'campaign_analytics') }} where impressions > 0)
) as landed
where landed.network not in (select performance.network from {{ ref('fct_ad_performance_daily') }} as performance)
