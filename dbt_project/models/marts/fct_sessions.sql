{{ config(materialized='incremental', on_schema_change='fail') }}
select
    session_id,
    contact_id,
    session_number,
    started_at,
    ended_at,
    page_views,
    {{ published_url('landing_page_url') }} as landing_page_url,
    {{ published_url('referrer') }} as referrer,
    traffic_source,
    traffic_source_drilldown_1,
    traffic_source_drilldown_2,
    utm_source,
    utm_medium,
    utm_campaign,
    network,
    account_id,
    campaign_id,
    ad_group_id,
    ad_id,
    click_id,
    click_id_type,
    to_json(click_ids) as click_ids,
    is_ad_click,
    evidence_source,
    match_method
from {{ ref('int_sessions') }}
cross join (select {{ click_id_parameters() }} as click_id_parameters) as parameters
where {{ only_changed() }}
