{{ config(materialized='incremental', on_schema_change='fail') }}
with portal as (
    select exists(select 1 from {{ ref('stg_hubspot__page_views') }}) as has_page_views
),

-- a session tied to the contact by a later submission says nothing about earlier ones without the cookie
visits as (
    select
        views.contact_id,
        views.occurred_at,
        case when views.occurred_at < known.known_by_submission_at then known.known_by_submission_at end as known_by_submission_at
    from {{ ref('int_page_views') }} as views
    left join {{ ref('int_known_visitors') }} as known on views.contact_id = known.contact_id
    where {{ only_changed('views.contact_id') }}
    union all
    select
        contact_id,
        occurred_at,
        known_by_submission_at
    from {{ ref('int_property_visits') }}
    where {{ only_changed() }}
),

submissions as (
    select
        submissions.submission_id,
        submissions.contact_id,
        submissions.submitted_at,
        submissions.page_url,
        -- forms without a log: unknown
        entries.submission_id is not null and entries.page_url is null as lacks_context,
        coalesce(
            visits.occurred_at >= submissions.submitted_at - interval '{{ setting("session_gap_minutes") }} minutes'
            and coalesce(visits.known_by_submission_at <= submissions.submitted_at, true), false
        ) as follows_a_visit,
        coalesce(known.known_by_submission_at > submissions.submitted_at, false) as is_before_any_known_visit
    from {{ ref('int_submissions') }} as submissions
    asof left join visits
        on submissions.contact_id = visits.contact_id and submissions.submitted_at >= visits.occurred_at
    left join {{ ref('int_known_visitors') }} as known on submissions.contact_id = known.contact_id
    left join {{ ref('stg_hubspot__form_submissions') }} as entries on submissions.submission_id = entries.submission_id
    where
        submissions.contact_id is not null
        and submissions.form_type != 'lead_ad'
        and {{ only_changed('submissions.contact_id') }}
),

-- an open tab: the contact's own view of the page, longer ago than a session lasts. A URL with click parameters
-- belongs to one page load, a URL without them to any
open_pages as (
    select
        submissions.submission_id,
        bool_or(
            contains(submissions.page_url, '?')
            or views.occurred_at >= submissions.submitted_at - to_hours({{ setting("open_page_hours") }})
        ) as is_same_load
    from submissions
    inner join {{ ref('int_page_views') }} as views
        on
            submissions.contact_id = views.contact_id
            and submissions.submitted_at > views.occurred_at
            and {{ url_location('submissions.page_url') }} = {{ url_location('views.url') }}
            and (
                not contains(submissions.page_url, '?')
                or {{ url_query('submissions.page_url') }} = {{ url_query('views.url') }}
            )
    where not submissions.follows_a_visit and not submissions.lacks_context
    group by submissions.submission_id
),

-- a session that HubSpot recorded because of this submission
recorded as (
    select
        contact_id,
        known_by_submission_at as submitted_at,
        max(occurred_at) as session_known_since
    from {{ ref('int_property_visits') }}
    where known_by_submission_at is not null and occurred_at <= known_by_submission_at and {{ only_changed() }}
    group by contact_id, known_by_submission_at
),

evidence as (
    select
        submissions.submission_id,
        submissions.contact_id,
        recorded.session_known_since,
        case
            -- sent without the visitor's cookie, whatever the contact did just before (vector A10)
            when submissions.lacks_context then 'no_context'
            when submissions.is_before_any_known_visit
                then case when portal.has_page_views then 'no_page_view' else 'no_visit' end
            when portal.has_page_views
                then
                    case
                        when submissions.follows_a_visit then 'page_view'
                        when open_pages.is_same_load then 'open_page'
                        -- the page view is too old for an open tab
                        when open_pages.submission_id is null then 'no_page_view'
                    end
            -- a form sent without the visitor's cookie creates a contact without a session, whatever its page URL:
            -- https://knowledge.hubspot.com/articles/kcs_article/reports/why-do-i-have-more-direct-traffic-than-expected
            when
                not coalesce(contacts.visits > 0, contacts.first_url is not null or contacts.last_url is not null)
                or submissions.submitted_at < contacts.first_visit_at
                then 'no_visit'
            when
                submissions.follows_a_visit
                or recorded.contact_id is not null
                or {{ is_within_a_session('contacts.original_source', 'contacts.first_visit_at', 'submissions.submitted_at') }}
                or {{ is_within_a_session('contacts.latest_source', 'contacts.last_seen_at', 'submissions.submitted_at') }}
                then 'contact_property'
            when submissions.submitted_at > contacts.last_seen_at then 'no_visit'
        end as tracking_evidence
    from submissions
    cross join portal
    left join open_pages on submissions.submission_id = open_pages.submission_id
    left join recorded
        on submissions.contact_id = recorded.contact_id and submissions.submitted_at = recorded.submitted_at
    left join {{ ref('int_contacts') }} as contacts on submissions.contact_id = contacts.contact_id
)

select
    submission_id,
    contact_id,
    tracking_evidence in ('page_view', 'open_page', 'contact_property') as is_tracked,
    tracking_evidence,
    session_known_since
from evidence
