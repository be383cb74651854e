with form_tracking as (
    select
        submission_id,
        -- of a contact's submission that nothing tells of, a form is not accused
        bool_or(coalesce(is_tracked, contact_id is not null)) over (
            partition by form_id
            order by submitted_at
            range between interval '{{ setting("form_tracking_days") }} days' preceding
            and interval '{{ setting("form_tracking_days") }} days' following
        ) as form_is_tracked
    from {{ ref('fct_form_submissions') }}
),

page_codes as (
    select distinct
        {{ url_location('unnest(list_distinct([url, coalesce(final_url, url)]))') }} as location,
        fetched_at,
        {{ lacks_own_code() }} as lacks_code
    from {{ ref('landing_page_snapshots') }}
    where has_tracking_code is not null
),

-- as the page was then: its latest snapshot by that day, before the first one that
form_pages as (
    select
        submissions.submission_id,
        coalesce(latest.lacks_code, first.lacks_code) as lacks_code
    from (
        select
            submission_id,
            submitted_at,
            {{ url_location('page_url') }} as location
        from {{ ref('fct_form_submissions') }}
        where not coalesce(is_tracked, false) and page_url is not null
    ) as submissions
    asof left join page_codes as latest
        on submissions.location = latest.location and submissions.submitted_at >= latest.fetched_at
    left join (
        select
            location,
            arg_min(lacks_code, fetched_at) as lacks_code
        from page_codes
        group by location
    ) as first on submissions.location = first.location
)

select
    claims.submission_id,
    {{ ad_key('claims.') }},
    submissions.conversion_number,
    coalesce(submissions.is_filtered, false) or claims.is_test as is_filtered,
    -- what an archived contact sent is in no mart, yet it arrived
    submissions.submission_id is null
    and not (claims.lead_status in ('synced', 'merged_into_existing') and claims.contact_id is null)
        as is_lead_without_submission,
    claims.lead_status,
    submissions.is_tracked,
    coalesce(form_pages.lacks_code, false) as page_lacks_code,
    submissions.submission_id is not null
    and (submissions.page_url is null or not coalesce(form_tracking.form_is_tracked, true)) as is_form_context_missing,
    coalesce(
        arg_min(claims.submission_id, (claims.occurred_at, claims.submission_id))
        filter (where claims.could_count or claims.is_credited_by_default)
            over (partition by claims.contact_id, claims.network, claims.account_id, claims.campaign_id)
        != claims.submission_id
        and claims.contact_id is not null,
        false
    ) as campaign_claims_earlier_one,
    merged.submission_id is not null as was_first_before_a_merge,
    submissions.session_id,
    coalesce(first_conversions.existed_before_conversion, false) as existed_before_conversion,
    claims.named_by not in ('hsa', 'network_lead') as lacks_parameters,
    coalesce(types.network is not null, false) as is_untrackable_ad_type,
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
left join {{ ref('fct_form_submissions') }} as submissions on claims.submission_id = submissions.submission_id
left join {{ ref('fct_sessions') }} as sessions on submissions.session_id = sessions.session_id
left join {{ ref('fct_first_conversions') }} as first_conversions
    on claims.submission_id = first_conversions.submission_id
left join form_tracking on claims.submission_id = form_tracking.submission_id
left join form_pages on claims.submission_id = form_pages.submission_id
left join {{ ref('int_first_conversions_before_merges') }} as merged on claims.submission_id = merged.submission_id
left join {{ ref('dim_campaign') }} as campaigns on {{ same_campaign('claims', 'campaigns') }}
left join {{ ref('untrackable_ad_types') }} as types
    on campaigns.network = types.network and campaigns.campaign_type = types.campaign_type
left join {{ ref('int_deleted_contact_submissions') }} as deleted on claims.submission_id = deleted.submission_id
