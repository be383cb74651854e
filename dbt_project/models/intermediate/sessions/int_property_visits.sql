with portal as (
    select 1 as lacks_page_views
    where not exists (select 1 from {{ ref('stg_hubspot__page_views') }})
),

-- joined, so that histories are skipped for portals with page views
wanted as (
    select
        unnest([
            'hs_analytics_source',
            'hs_latest_source',
            'hs_latest_source_data_1',
            'hs_latest_source_data_2',
            'hs_latest_source_timestamp',
            'hs_analytics_last_url',
            'hs_google_click_id',
            'hs_facebook_click_id',
            'hs_linkedin_click_id'
        ]) as property
    from portal
),

histories as (
    select
        aliases.contact_id,
        histories.property,
        histories.value,
        histories.seen_at,
        -- merged contacts may have a value each at one instant: the surviving contact's own counts
        (histories.contact_id != aliases.contact_id, histories.contact_id, histories.value) as precedence
    from {{ ref('stg_hubspot__property_history') }} as histories
    inner join wanted on histories.property = wanted.property
    inner join {{ ref('int_contact_aliases') }} as aliases on histories.contact_id = aliases.alias_id
),

-- contacts without sessions: source and timestamp were set at creation
visitors as (
    select
        contacts.*,
        known.known_at,
        known.known_by_submission_at
    from {{ ref('int_contacts') }} as contacts
    left join {{ ref('int_known_visitors') }} as known on contacts.contact_id = known.contact_id
    where coalesce(contacts.visits > 0, contacts.first_url is not null or contacts.last_url is not null)
),

first_visits as (
    select
        visitors.contact_id,
        visitors.first_url as url,
        visitors.first_referrer as referrer,
        coalesce(visitors.first_visit_at, visitors.first_seen_at) as occurred_at,
        coalesce(original.source, visitors.original_source) as source,
        visitors.known_by_submission_at
    from visitors
    left join (
        select
            contact_id,
            arg_max(value, (seen_at, value)) as source
        from histories
        where property = 'hs_analytics_source' and value != 'OFFLINE'
        group by contact_id
    ) as original on visitors.contact_id = original.contact_id
    where visitors.first_visit_at is not null or visitors.original_source != 'OFFLINE'
),

latest_visits as (
    select
        contact_id,
        last_url as url,
        last_referrer as referrer,
        latest_source_at as occurred_at,
        latest_source as source
    from visitors
    where latest_source != 'OFFLINE'
),

-- one row per instant of a change; unchanged values are not written again
written as (
    select
        contact_id,
        seen_at,
        arg_min(value, precedence) filter (where property = 'hs_analytics_last_url') as url,
        try_cast(
            arg_min(value, precedence) filter (where property = 'hs_latest_source_timestamp') as timestamptz
        ) as session_started_at,
        arg_min(value, precedence) filter (where property = 'hs_google_click_id') as gclid,
        arg_min(value, precedence) filter (where property = 'hs_facebook_click_id') as fbclid,
        arg_min(value, precedence) filter (where property = 'hs_linkedin_click_id') as li_fat_id,
        bool_or(property in ('hs_latest_source', 'hs_latest_source_timestamp', 'hs_analytics_last_url')) as is_visit,
        last_value(arg_min(value, precedence) filter (where property = 'hs_latest_source') ignore nulls) over so_far as source,
        last_value(
            arg_min(value, precedence) filter (where property = 'hs_latest_source_data_1') ignore nulls
        ) over so_far as data_1,
        last_value(
            arg_min(value, precedence) filter (where property = 'hs_latest_source_data_2') ignore nulls
        ) over so_far as data_2,
        -- the first values may contain the click id of any earlier session
        seen_at > min(seen_at) filter (where bool_or(property = 'hs_analytics_last_url')) over (partition by contact_id)
            as is_known_before
    from histories
    where property != 'hs_analytics_source'
    group by contact_id, seen_at
    window so_far as (partition by contact_id order by seen_at)
),

changes as (
    select
        * exclude (is_visit, data_1, data_2),
        -- https://knowledge.hubspot.com/reports/understand-source-properties
        case source when 'PAID_SEARCH' then data_1 when 'PAID_SOCIAL' then data_2 end as source_campaign
    from written
    where is_visit
),

dated as (
    select
        changes.*,
        -- HubSpot writes shortly after the submission that made the session known, unless it recorded the start
        case
            when changes.session_started_at <= changes.seen_at then changes.session_started_at
            else coalesce({{ written_for('changes.seen_at', 'submissions.submitted_at') }}, changes.seen_at)
        end as occurred_at,
        sessions.started_at as session_known_since,
        {{ written_for('changes.seen_at', 'submissions.submitted_at') }} as known_by_submission_at
    from changes
    inner join visitors on changes.contact_id = visitors.contact_id
    asof left join (
        select
            contact_id,
            try_cast(arg_min(value, precedence) as timestamptz) as started_at
        from histories
        where property = 'hs_latest_source_timestamp'
        group by contact_id, seen_at
    ) as sessions
        on changes.contact_id = sessions.contact_id and changes.seen_at >= sessions.started_at
    asof left join (
        select
            contact_id,
            submitted_at
        from {{ ref('int_submissions') }}
        where contact_id is not null and form_type != 'lead_ad'
    ) as submissions
        on changes.contact_id = submissions.contact_id and changes.seen_at >= submissions.submitted_at
    where
        changes.source is distinct from 'OFFLINE'
        and (changes.url is not null or changes.seen_at >= coalesce(visitors.known_at, visitors.first_visit_at))
),

-- the landing page is the session's first URL with a click
landed as (
    select
        dated.*,
        coalesce(
            first_value(case when {{ names_a_click('dated.url') }} then dated.url end ignore nulls) over (
                partition by dated.contact_id, dated.session_known_since
                order by dated.seen_at
                rows between unbounded preceding and unbounded following
            ), dated.url
        ) as landing_page_url
    from dated
    where dated.session_known_since is not null
    union all by name
    select
        *,
        url as landing_page_url
    from dated
    where session_known_since is null
),

known_visits as (
    select
        dated.contact_id,
        -- the properties keep the last page of a session; the page of a form sent in it may be
        -- the ad's landing page
        case
            when
                dated.source not in ('DIRECT_TRAFFIC', 'ORGANIC_SEARCH', 'REFERRALS')
                and not coalesce({{ names_a_click('dated.landing_page_url') }}, false)
                and submissions.submitted_at <= dated.occurred_at + interval '{{ setting("session_gap_minutes") }} minutes'
                and {{ names_a_click('submissions.page_url') }}
                then submissions.page_url
            else dated.landing_page_url
        end as url,
        dated.session_known_since,
        dated.occurred_at,
        dated.source,
        dated.source_campaign,
        case when dated.is_known_before then dated.gclid end as gclid,
        case when dated.is_known_before then dated.fbclid end as fbclid,
        case when dated.is_known_before then dated.li_fat_id end as li_fat_id,
        dated.known_by_submission_at
    from landed as dated
    asof left join (
        select
            contact_id,
            submitted_at,
            page_url
        from {{ ref('int_submissions') }}
        where contact_id is not null and form_type != 'lead_ad'
    ) as submissions
        on dated.contact_id = submissions.contact_id and dated.occurred_at <= submissions.submitted_at
),

visits as (
    select * from first_visits
    union all by name
    select * from latest_visits
    union all by name
    select * from known_visits
),

-- one session from several properties: the URL with the most information counts
merged as (
    select
        contact_id,
        occurred_at,
        arg_max(url, (contains(url, 'hsa_cam='), {{ names_a_click('url') }}, referrer is not null, url)) as url,
        max(referrer) as referrer,
        max(source) as source,
        max(source_campaign) as source_campaign,
        max(gclid) as gclid,
        max(fbclid) as fbclid,
        max(li_fat_id) as li_fat_id,
        -- values of a session that is already known may be written again
        min(known_by_submission_at) as known_by_submission_at,
        max(session_known_since) as session_known_since
    from visits
    cross join portal
    where
        occurred_at <= {{ as_of() }}
        -- synced leads are no sessions
        and coalesce(url not in (select leads.url from {{ ref('int_tagged_urls') }} as leads where leads.hsa_is_lead_ad), true)
    group by contact_id, occurred_at
)

select
    contact_id,
    md5(concat_ws('|', contact_id, epoch_us(occurred_at), url)) as visit_id,
    occurred_at,
    -- HubSpot classified the session as direct: its URL is that of a page loaded earlier
    case when source = 'DIRECT_TRAFFIC' then {{ bare_url('url') }} else nullif(url, '') end as url,
    referrer,
    source,
    source_campaign,
    gclid,
    fbclid,
    li_fat_id,
    known_by_submission_at,
    session_known_since,
    -- an unchanged source starts no new one
    coalesce(source = lag(source) over (partition by contact_id order by occurred_at), false) as has_same_source
from merged
-- a source written just before a session with a URL belongs to that session
qualify not coalesce(
    url is null
    and lead(occurred_at) over (partition by contact_id order by occurred_at)
    <= occurred_at + interval '{{ setting("analytics_delay_minutes") }} minutes', false
)
