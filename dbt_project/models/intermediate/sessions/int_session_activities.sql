{{ config(materialized='incremental', on_schema_change='fail') }}
with activities as (
    select
        contact_id,
        activity_id,
        activity_type,
        occurred_at,
        evidence_key,
        coalesce(
            occurred_at > lag(occurred_at) over contact + interval '{{ setting("session_gap_minutes") }} minutes'
            -- same session by HubSpot's own start time: properties do not keep the page views in between
            and not coalesce(
                session_known_since <= lag(occurred_at) over contact
                and occurred_at <= session_known_since + to_hours({{ setting("session_timeout_hours") }}), false
            ),
            true
        ) as follows_a_gap
    from {{ ref('int_activities') }}
    where {{ only_changed() }}
    window contact as (partition by contact_id order by occurred_at, activity_type, activity_id)
),

sources as (
    select
        *,
        -- after a gap the earlier source no longer counts, even if this activity has none
        last_value(case when follows_a_gap then coalesce(evidence_key, '') else evidence_key end ignore nulls) over (
            partition by contact_id
            order by occurred_at, activity_type, activity_id
            rows between unbounded preceding and 1 preceding
        ) as source_so_far
    from activities
),

starts as (
    select
        * exclude (evidence_key, follows_a_gap, source_so_far),
        follows_a_gap
        or (evidence_key is not null and evidence_key is distinct from source_so_far) as starts_session
    from sources
)

select
    *,
    count(*) filter (where starts_session) over contact as session_number,
    last_value(
        case when starts_session then md5(contact_id || '|' || activity_type || '|' || activity_id) end ignore nulls
    ) over contact as session_id
from starts
window contact as (partition by contact_id order by occurred_at, activity_type, activity_id)
