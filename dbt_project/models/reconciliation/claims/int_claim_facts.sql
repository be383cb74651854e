-- what decides the reason of a claim that HubSpot does not credit, one column per fact
with form_tracking as (
    select
        submission_id,
        bool_or(is_tracked) over (
            partition by form_id
            order by submitted_at
            range between interval '{{ setting("form_tracking_days") }} days' preceding
            and interval '{{ setting("form_tracking_days") }} days' following
        ) as form_is_tracked
    from {{ ref('fct_form_submissions') }}
)

select
    claims.submission_id,
    {{ ad_key('claims.') }},
    submissions.conversion_number,
    submissions.is_filtered,
    submissions.is_tracked,
    submissions.page_url is null or not coalesce(form_tracking.form_is_tracked, true) as is_form_context_missing,
    coalesce(
        arg_min(claims.submission_id, (claims.occurred_at, claims.submission_id))
        filter (where claims.could_count or claims.is_credited_by_default)
            over (partition by claims.contact_id, claims.network, claims.account_id, claims.campaign_id)
        != claims.submission_id
        and claims.contact_id is not null,
        false
    ) as campaign_claims_earlier_one,
    submissions.session_id,
    coalesce(first_conversions.existed_before_conversion, false) as existed_before_conversion,
    coalesce(
        sessions.session_number = claims.click_session_number + 1
        and sessions.traffic_source = 'DIRECT_TRAFFIC'
        and sessions.started_at <= claims.click_session_ended_at + to_hours({{ setting("session_timeout_hours") }}),
        false
    ) as is_timed_out_session,
    deleted.deleted_contact_id,
    deleted.deletion,
    deleted.deleted_at
from {{ ref('int_claims') }} as claims
inner join {{ ref('fct_form_submissions') }} as submissions on claims.submission_id = submissions.submission_id
left join {{ ref('fct_sessions') }} as sessions on submissions.session_id = sessions.session_id
left join {{ ref('fct_first_conversions') }} as first_conversions
    on claims.submission_id = first_conversions.submission_id
left join form_tracking on claims.submission_id = form_tracking.submission_id
left join {{ ref('int_deleted_contact_submissions') }} as deleted on claims.submission_id = deleted.submission_id
