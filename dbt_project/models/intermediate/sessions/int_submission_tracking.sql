{{ config(materialized='incremental', on_schema_change='fail') }}
with portal as (
    select exists(select 1 from {{ ref('stg_hubspot__page_views') }}) as has_page_views
),

visits as (
    select
        contact_id,
        occurred_at
    from {{ ref('int_page_views') }}
    where {{ only_changed() }}
    union all
    select
        contact_id,
        occurred_at
    from {{ ref('int_property_visits') }}
    where {{ only_changed() }}
),

seen as (
    select
        submissions.submission_id,
        submissions.contact_id,
        submissions.submitted_at,
        -- of a form whose log is gone nothing is known
        entries.submission_id is not null and entries.page_url is null as lacks_context,
        coalesce(
            visits.occurred_at >= submissions.submitted_at - interval '{{ setting("session_gap_minutes") }} minutes', false
        ) as follows_a_visit
    from {{ ref('int_submissions') }} as submissions
    asof left join visits
        on submissions.contact_id = visits.contact_id and submissions.submitted_at >= visits.occurred_at
    left join {{ ref('stg_hubspot__form_submissions') }} as entries on submissions.submission_id = entries.submission_id
    where
        submissions.contact_id is not null
        and submissions.form_type != 'lead_ad'
        and {{ only_changed('submissions.contact_id') }}
)

select
    seen.submission_id,
    seen.contact_id,
    case
        -- sent without the visitor's context, whatever else the contact did just before (vector A10)
        when seen.lacks_context then false
        when portal.has_page_views then seen.follows_a_visit
        when
            seen.follows_a_visit
            or {{ is_within_a_session('contacts.original_source', 'contacts.first_seen_at', 'seen.submitted_at') }}
            or {{ is_within_a_session('contacts.latest_source', 'contacts.last_seen_at', 'seen.submitted_at') }}
            then true
        -- no visit at all, or none yet, or none since
        when
            coalesce(contacts.visits, 0) = 0
            or seen.submitted_at < contacts.first_visit_at
            or seen.submitted_at > contacts.last_seen_at
            then false
    end as is_tracked
from seen
cross join portal
left join {{ ref('int_contacts') }} as contacts on seen.contact_id = contacts.contact_id
