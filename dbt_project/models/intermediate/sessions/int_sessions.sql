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
        activities.referrer,
        {{ url_host('activities.referrer') }} as referrer_host,
        activities.is_tracked,
        activities.property_source,
        activities.property_campaign,
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
    -- the longest listed host that equals the referrer's host or is its parent domain
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
        urls.* exclude (url, utm_id, has_click, click_ids),
        coalesce(urls.has_click, false) as has_click,
        -- a property keeps the click id that the session's URL lost
        list_concat(
            coalesce(urls.click_ids, []),
            list_filter(
                [
                    { 'type': 'gclid', 'id': trim(landings.property_gclid) },
                    { 'type': 'fbclid', 'id': trim(landings.property_fbclid) },
                    { 'type': 'li_fat_id', 'id': trim(landings.property_li_fat_id) }
                ],
                lambda kept: kept.id is not null
                and not list_contains(list_transform(coalesce(urls.click_ids, []), lambda click: click.type), kept.type)
            )
        ) as known_click_ids
    from landings
    left join {{ ref('int_tagged_urls') }} as urls on landings.url = urls.url
    left join referrers on landings.referrer_host = referrers.referrer_host
),

ranked as (
    select
        parameters.*,
        {{ ranked_click_ids('parameters.known_click_ids') }} as click_ids
    from parameters
    cross join (select {{ click_id_parameters() }} as click_id_parameters) as click_id_parameters
),

sourced as (
    select
        *,
        list_filter(click_ids, lambda click: click.type = 'gclid')[1].id as gclid,
        case
            when hsa_network = 'google_ads' and hsa_account_id is not null and hsa_campaign_id is not null then hsa_campaign_id
            else gad_campaign_id
        end as google_campaign_id,
        {{ is_microsoft_click() }} as is_microsoft_click,
        coalesce(
            lower(utm_source) in (
                select hosts.name from {{ ref('referrer_hosts') }} as hosts
                where hosts.kind = 'social'
            ),
            false
        ) as is_known_network,
        -- a session inferred from a submission earns credit only if the submission is tracked (vectors A6, A10)
        first_activity_type != 'submission' or coalesce(is_tracked, false) as is_tracked_visit,
        -- a URL without parameters is that of a later page, not of the paid click's landing page
        case
            when
                property_source in ('PAID_SEARCH', 'PAID_SOCIAL')
                and not has_click
                and coalesce(utm_source, utm_medium, utm_campaign) is null
                then lower(trim(replace(property_campaign, '+', ' ')))
        end as drilldown_campaign
    from ranked
),

listed_clicks as (
    {{ listed_clicks('sourced', 'session_id') }}
),

clicks as (
    select
        sourced.*,
        -- HubSpot's own source has precedence: histories keep no referrer
        coalesce(nullif(sourced.property_source, 'OFFLINE'), {{ traffic_source() }}) as traffic_source,
        campaigns.campaign_id is not null as is_known_campaign,
        sourced.is_tracked_visit
        and sourced.hsa_network is not null
        and sourced.hsa_account_id is not null
        and sourced.hsa_campaign_id is not null
        -- HubSpot credits ads of connected accounts only: Microsoft campaigns are not Google's
        and not (sourced.is_microsoft_click and campaigns.campaign_id is null) as is_named_by_hsa,
        named.network as drilldown_network,
        named.account_id as drilldown_account_id,
        named.campaign_id as drilldown_campaign_id,
        listed_clicks.account_id as click_account_id,
        listed_clicks.campaign_id as click_campaign_id,
        listed_clicks.ad_group_id as click_ad_group_id,
        listed_clicks.ad_id as click_ad_id,
        campaigns.account_id as gad_account_id
    from sourced
    left join listed_clicks on sourced.session_id = listed_clicks.session_id
    left join {{ ref('int_tagged_campaign_names') }} as named
        on
            sourced.drilldown_campaign = named.name
            and (sourced.property_source = 'PAID_SEARCH') = ({{ by_network('traffic_source', 'named.network') }} = 'PAID_SEARCH')
    left join {{ ref('int_google_ads__campaign_accounts') }} as campaigns on sourced.google_campaign_id = campaigns.campaign_id
),

ads as (
    select
        *,
        case
            when is_named_by_hsa then 'hsa'
            when drilldown_campaign_id is not null then 'drilldown'
            when is_tracked_visit and click_campaign_id is not null then 'click_view'
            when is_tracked_visit and gad_campaign_id is not null and google_campaign_id = gad_campaign_id and is_known_campaign
                then 'gad_campaignid'
        end as match_method
    from clicks
)

select
    session_id,
    contact_id,
    session_number,
    started_at,
    ended_at,
    page_views,
    url as landing_page_url,
    referrer,
    traffic_source,
    {{ traffic_source_drilldown_1() }} as traffic_source_drilldown_1,
    {{ traffic_source_drilldown_2() }} as traffic_source_drilldown_2,
    utm_source,
    utm_medium,
    utm_campaign,
    case match_method
        when 'hsa' then hsa_network
        when 'drilldown' then drilldown_network
        when 'click_view' then 'google_ads'
        when 'gad_campaignid' then 'google_ads'
    end as network,
    case match_method
        when 'hsa' then hsa_account_id
        when 'drilldown' then drilldown_account_id
        when 'click_view' then click_account_id
        when 'gad_campaignid' then gad_account_id
    end as account_id,
    case match_method
        when 'hsa' then hsa_campaign_id
        when 'drilldown' then drilldown_campaign_id
        when 'click_view' then click_campaign_id
        when 'gad_campaignid' then gad_campaign_id
    end as campaign_id,
    case
        when match_method = 'hsa' then hsa_ad_group_id
        when match_method = 'click_view' or drilldown_campaign_id = click_campaign_id then click_ad_group_id
    end as ad_group_id,
    case
        when match_method = 'hsa' then hsa_ad_id
        when match_method = 'click_view' or drilldown_campaign_id = click_campaign_id then click_ad_id
    end as ad_id,
    click_ids[1].id as click_id,
    click_ids[1].type as click_id_type,
    click_ids,
    coalesce(match_method in ('hsa', 'drilldown'), false) as is_ad_click,
    is_tracked_visit,
    case first_activity_type
        when 'page_view' then 'page_views'
        when 'property_visit' then 'contact_property'
        else 'submission_context'
    end as evidence_source,
    match_method,
    -- true if the URL's Google campaign belongs to a loaded account
    google_campaign_id,
    is_known_campaign,
    drilldown_campaign
from ads
