-- a session is what its first activity says: landing URL, referrer, ad, source
with sessions as (
    select
        session_id,
        contact_id,
        session_number,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at,
        count(*) filter (where activity_type = 'page_view') as page_views,
        arg_min(activity_id, (occurred_at, activity_type, activity_id)) as first_activity_id,
        arg_min(activity_type, (occurred_at, activity_type, activity_id)) as first_activity_type
    from {{ ref('int_session_activities') }}
    group by session_id, contact_id, session_number
),

landings as (
    select
        sessions.*,
        activities.* exclude (contact_id, activity_id, activity_type, occurred_at, evidence_key),
        {{ url_param('activities.url', 'source') }} as source_param,
        -- the longest listed host that the referrer is, or is a subdomain of
        (
            select arg_max(hosts.kind, length(hosts.host))
            from {{ ref('referrer_hosts') }} as hosts
            where activities.referrer_host = hosts.host or ends_with(activities.referrer_host, '.' || hosts.host)
        ) as referrer_kind,
        coalesce(lower(activities.utm_source) in (
            select hosts.name from {{ ref('referrer_hosts') }} as hosts
            where hosts.kind = 'social'
        ), false) as is_known_network
    from sessions
    inner join {{ ref('int_activities') }} as activities
        on
            sessions.contact_id = activities.contact_id
            and sessions.first_activity_id = activities.activity_id
            and sessions.first_activity_type = activities.activity_type
),

clicks as (
    select
        *,
        {{ traffic_source() }} as traffic_source,
        case when first_activity_type = 'page_view' then 'page_views' else 'submission_context' end as evidence,
        -- a session inferred from a submission earns credit only if the submission is tracked (vectors A6, A10)
        hsa_network is not null and hsa_account_id is not null and hsa_campaign_id is not null
        and (first_activity_type = 'page_view' or coalesce(is_tracked, false)) as is_ad_click
    from landings
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
    utm_source,
    utm_medium,
    utm_campaign,
    case when is_ad_click then hsa_network end as network,
    case when is_ad_click then hsa_account_id end as account_id,
    case when is_ad_click then hsa_campaign_id end as campaign_id,
    case when is_ad_click then hsa_ad_group_id end as ad_group_id,
    case when is_ad_click then hsa_ad_id end as ad_id,
    click_id,
    click_id_type,
    is_ad_click,
    evidence,
    case when is_ad_click then 'hsa' end as ad_evidence
from clicks
