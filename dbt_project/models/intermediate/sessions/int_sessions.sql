{{ config(materialized='incremental', on_schema_change='fail') }}
with sessions as (
    select
        session_id,
        contact_id,
        session_number,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at,
        count(*) filter (where activity_type = 'page_view') as page_views,
        any_value(activity_id) filter (where starts_session) as first_activity_id,
        any_value(activity_type) filter (where starts_session) as first_activity_type
    from {{ ref('int_session_activities') }}
    where {{ only_changed() }}
    group by session_id, contact_id, session_number
),

landings as (
    select
        sessions.*,
        activities.url,
        {{ tagged_url('activities.url') }} as tagged_url,
        activities.referrer,
        {{ url_host('activities.referrer') }} as referrer_host,
        activities.is_tracked,
        activities.property_source,
        activities.property_gclid,
        activities.property_fbclid,
        activities.property_li_fat_id
    from sessions
    inner join {{ ref('int_activities') }} as activities
        on
            sessions.contact_id = activities.contact_id
            and sessions.first_activity_id = activities.activity_id
            and sessions.first_activity_type = activities.activity_type
    where {{ only_changed('activities.contact_id') }}
),

referrers as (
    -- the longest listed host that the referrer is, or is a subdomain of
    select
        seen.referrer_host,
        arg_max(hosts.kind, length(hosts.host)) as referrer_kind,
        arg_max(hosts.name, length(hosts.host)) as referrer_name
    from (
        select distinct referrer_host from landings
        where referrer_host is not null
    ) as seen
    inner join {{ ref('referrer_hosts') }} as hosts
        on seen.referrer_host = hosts.host or ends_with(seen.referrer_host, '.' || hosts.host)
    group by seen.referrer_host
),

parameters as (
    select
        landings.*,
        referrers.referrer_kind,
        referrers.referrer_name,
        coalesce(landings.referrer_host in (
            select own_hosts.host from {{ ref('int_own_hosts') }} as own_hosts
            where own_hosts.host is not null
        ), false) as is_own_referrer,
        {{ hsa_columns('tagged_url') }},
        {{ url_param('tagged_url', 'utm_source') }} as utm_source,
        {{ url_param('tagged_url', 'utm_medium') }} as utm_medium,
        {{ url_param('tagged_url', 'utm_campaign') }} as utm_campaign,
        coalesce({{ url_param('tagged_url', 'utm_term') }}, {{ url_param('tagged_url', 'hsa_kw') }}) as search_term,
        {{ url_param('tagged_url', 'source') }} as source_param,
        coalesce({{ url_param('tagged_url', 'gclid') }}, property_gclid) as gclid,
        coalesce(
            {{ click_id_type('tagged_url') }},
            case
                when property_gclid is not null then 'gclid'
                when property_fbclid is not null then 'fbclid'
                when property_li_fat_id is not null then 'li_fat_id'
            end
        ) as click_id_type
    from landings
    left join referrers on landings.referrer_host = referrers.referrer_host
),

sourced as (
    select
        *,
        coalesce(
            {{ click_id('tagged_url') }}, property_gclid, property_fbclid, property_li_fat_id
        ) as click_id,
        coalesce(
            lower(utm_source) in (
                select hosts.name from {{ ref('referrer_hosts') }} as hosts
                where hosts.kind = 'social'
            ),
            false
        ) as is_known_network,
        -- a session inferred from a submission earns credit only if the submission is tracked (vectors A6, A10)
        first_activity_type != 'submission' or coalesce(is_tracked, false) as is_tracked_visit
    from parameters
),

clicks as (
    select
        sourced.*,
        -- HubSpot's own word where it gave one: a history keeps no referrer
        coalesce(nullif(sourced.property_source, 'OFFLINE'), {{ traffic_source() }}) as traffic_source,
        sourced.is_tracked_visit
        and sourced.hsa_network is not null
        and sourced.hsa_account_id is not null
        and sourced.hsa_campaign_id is not null as is_ad_click,
        resolved.account_id as click_account_id,
        resolved.campaign_id as click_campaign_id,
        resolved.ad_group_id as click_ad_group_id,
        resolved.ad_id as click_ad_id
    from sourced
    left join {{ ref('int_click_ids') }} as resolved on sourced.gclid = resolved.google_click_id
),

ads as (
    select
        *,
        case
            when is_ad_click then 'hsa'
            when is_tracked_visit and click_campaign_id is not null then 'click_view'
        end as ad_evidence
    from clicks
)

select
    session_id,
    contact_id,
    session_number,
    started_at,
    ended_at,
    page_views,
    url as landing_url,
    referrer,
    traffic_source,
    {{ traffic_source_drilldown_1() }} as traffic_source_drilldown_1,
    {{ traffic_source_drilldown_2() }} as traffic_source_drilldown_2,
    utm_source,
    utm_medium,
    utm_campaign,
    case ad_evidence when 'hsa' then hsa_network when 'click_view' then 'google_ads' end as network,
    case ad_evidence when 'hsa' then hsa_account_id when 'click_view' then click_account_id end as account_id,
    case ad_evidence when 'hsa' then hsa_campaign_id when 'click_view' then click_campaign_id end as campaign_id,
    case ad_evidence when 'hsa' then hsa_ad_group_id when 'click_view' then click_ad_group_id end as ad_group_id,
    case ad_evidence when 'hsa' then hsa_ad_id when 'click_view' then click_ad_id end as ad_id,
    click_id,
    click_id_type,
    is_ad_click,
    is_tracked_visit,
    case first_activity_type
        when 'page_view' then 'page_views'
        when 'property_visit' then 'contact_property'
        else 'submission_context'
    end as evidence,
    ad_evidence
from ads
