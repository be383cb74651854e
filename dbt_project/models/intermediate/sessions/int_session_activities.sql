{{ config(materialized='incremental', on_schema_change='fail') }}
-- https://knowledge.hubspot.com/reports/what-is-the-difference-between-sessions-visitors-visits-and-page-views:
-- a session ends after 30 idle minutes or when another source begins
with gaps as (
    select
        contact_id,
        activity_id,
        activity_type,
        occurred_at,
        evidence_key,
        lag(occurred_at) over (
            partition by contact_id order by occurred_at, activity_type, activity_id
        ) as previous_at
    from {{ ref('int_activities') }}
    where {{ only_changed() }}
),

runs as (
    select
        *,
        count(*) filter (
            where previous_at is null or occurred_at > previous_at + interval '{{ setting("session_gap_minutes") }} minutes'
        ) over (partition by contact_id order by occurred_at, activity_type, activity_id)
            as run_number
    from gaps
),

sources as (
    select
        *,
        row_number() over run as position_in_run,
        last_value(evidence_key ignore nulls) over (
            partition by contact_id, run_number
            order by occurred_at, activity_type, activity_id
            rows between unbounded preceding and 1 preceding
        ) as source_so_far
    from runs
    window run as (partition by contact_id, run_number order by occurred_at, activity_type, activity_id)
),

numbered as (
    select
        *,
        count(*) filter (
            where position_in_run = 1 or (evidence_key is not null and evidence_key is distinct from source_so_far)
        ) over (partition by contact_id order by occurred_at, activity_type, activity_id) as session_number
    from sources
)

select
    contact_id,
    activity_id,
    activity_type,
    occurred_at,
    session_number,
    md5(
        contact_id || '|' || first_value(activity_type || '|' || activity_id) over (
            partition by contact_id, session_number order by occurred_at, activity_type, activity_id
        )
    ) as session_id
from numbered
