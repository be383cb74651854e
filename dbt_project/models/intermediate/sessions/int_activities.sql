{{ config(materialized='incremental', on_schema_change='fail') }}
with views as (
    select
        contact_id,
        event_id as activity_id,
        'page_view' as activity_type,
        occurred_at,
        url,
        referrer
    from {{ ref('int_page_views') }}
    where {{ only_changed() }}
),

property_visits as (
    select
        contact_id,
        visit_id as activity_id,
        'property_visit' as activity_type,
        occurred_at,
        url,
        referrer,
        source as property_source,
        source_campaign as property_campaign,
        has_same_source,
        session_known_since,
        gclid,
        fbclid,
        li_fat_id
    from {{ ref('int_property_visits') }}
    where {{ only_changed() }}
),

submissions as (
    select
        submissions.contact_id,
        submissions.submission_id as activity_id,
        'submission' as activity_type,
        submissions.submitted_at as occurred_at,
        -- if the session of the form's page is over, a tracked submission starts a direct session
        case when tracking.is_tracked then {{ bare_url('submissions.page_url') }} else submissions.page_url end as url,
        cast(null as varchar) as referrer,
        tracking.is_tracked,
        tracking.session_known_since
    from {{ ref('int_submissions') }} as submissions
    left join {{ ref('int_submission_tracking') }} as tracking on submissions.submission_id = tracking.submission_id
    where
        submissions.contact_id is not null
        and submissions.form_type != 'lead_ad'
        and not coalesce(submissions.is_filtered, true)
        and {{ only_changed('submissions.contact_id') }}
),

activities as (
    select * from views
    union all by name
    select * from property_visits
    union all by name
    select * from submissions
),

parsed as (
    select
        activities.*,
        urls.hsa_network,
        urls.hsa_account_id,
        urls.hsa_campaign_id,
        urls.hsa_ad_group_id,
        urls.hsa_ad_id,
        urls.utm_source,
        urls.utm_medium,
        urls.utm_campaign,
        urls.click_ids[1].type as click_id_type,
        -- most referrers are pages of the same host and need no parsing
        case
            when
                activities.activity_type = 'page_view'
                and split_part(activities.referrer, '/', 3) != split_part(activities.url, '/', 3)
                then {{ url_host('activities.referrer') }}
        end as other_host
    from activities
    left join {{ ref('int_tagged_urls') }} as urls on activities.url = urls.url
)

select
    contact_id,
    activity_id,
    activity_type,
    occurred_at,
    url,
    referrer,
    is_tracked,
    session_known_since,
    property_source,
    property_campaign,
    gclid as property_gclid,
    fbclid as property_fbclid,
    li_fat_id as property_li_fat_id,
    -- submissions never change the source; views of one ad are one source whatever their click ids
    case
        when activity_type = 'submission' then null
        when hsa_network is not null and hsa_campaign_id is not null
            then
                'ad|' || hsa_network
                || '|' || coalesce(hsa_account_id, '')
                || '|' || hsa_campaign_id
                || '|' || coalesce(hsa_ad_group_id, '')
                || '|' || coalesce(hsa_ad_id, '')
        when coalesce(utm_source, utm_medium, utm_campaign, click_id_type) is not null
            then
                lower(
                    'campaign|' || coalesce(utm_source, '')
                    || '|' || coalesce(utm_medium, '')
                    || '|' || coalesce(utm_campaign, '')
                    || '|' || coalesce(click_id_type, '')
                )
        -- one session may be known with and without its referrer
        when activity_type = 'property_visit'
            then
                case
                    when property_source not in ('DIRECT_TRAFFIC', 'OFFLINE') and not has_same_source
                        then 'source|' || property_source
                end
        when
            other_host not in (
                select own_hosts.host from {{ ref('int_own_hosts') }} as own_hosts
                where own_hosts.host is not null
            )
            then 'referrer|' || other_host
        {%- if setting('direct_views_split_sessions') %}
        when activity_type = 'page_view' and coalesce(referrer, '') = '' then 'direct'
        {%- endif %}
    end as evidence_key
from parsed
