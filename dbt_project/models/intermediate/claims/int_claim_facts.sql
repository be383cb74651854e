with page_codes as (
    select distinct
        {{ url_location('unnest(list_distinct([landing_page_url, coalesce(final_url, landing_page_url)]))') }} as location,
        fetched_at,
        {{ lacks_own_code() }} as lacks_code
    from {{ ref('landing_page_snapshots') }}
    where has_tracking_code is not null
),

-- pages with submissions but without any page view, while other pages have views, have no tracking code. One
-- visitor without a cookie proves nothing about the page
unviewed_pages as (
    select {{ url_location('page_url') }} as location
    from {{ ref('fct_form_submissions') }}
    where
        form_type != 'lead_ad'
        and page_url is not null
        and exists (select 1 from {{ ref('int_viewed_pages') }})
    group by location
    having
        count(distinct contact_id) >= {{ setting("unviewed_page_contacts") }}
        and location not in (
            select viewed.location from {{ ref('int_viewed_pages') }} as viewed
            where viewed.location is not null
        )
),

-- the page at that time: its latest snapshot by that day, else its first one
form_pages as (
    select
        submissions.submission_id,
        coalesce(latest.lacks_code, first.lacks_code, unviewed_pages.location is not null) as lacks_code,
        case
            when coalesce(latest.lacks_code, first.lacks_code) is not null then 'snapshot'
            when unviewed_pages.location is not null then 'no_view_recorded'
        end as page_code_evidence
    from (
        select
            submission_id,
            submitted_at,
            {{ url_location('page_url') }} as location
        from {{ ref('fct_form_submissions') }}
        where page_url is not null
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
    left join unviewed_pages on submissions.location = unviewed_pages.location
),

-- the share of a form's submissions with the visitor's cookie, among those with no other obstacle. Fewer visitors convert
-- without a cookie. Submissions with unknown tracking do not count against the form
form_tracking as (
    select
        submissions.submission_id,
        count_if(coalesce(submissions.is_tracked, submissions.contact_id is not null)) over around as tracked,
        count_if(not coalesce(submissions.is_tracked, submissions.contact_id is not null)) over around as untracked
    from {{ ref('fct_form_submissions') }} as submissions
    left join form_pages on submissions.submission_id = form_pages.submission_id
    where not coalesce(form_pages.lacks_code, false)
    window around as (
        partition by submissions.form_id
        order by submissions.submitted_at
        range between interval '{{ setting("form_tracking_days") }} days' preceding
        and interval '{{ setting("form_tracking_days") }} days' following
    )
),

-- the template nearest to an ad wins: one without HubSpot's parameters on the ad, ad group or campaign overrides
-- the account's
templates as (
    select
        account_id,
        campaign_id,
        list_sort(list(distinct level || ' ' || id)) as overriding_templates,
        any_value(has_hubspot_templates) as has_hubspot_templates
    from {{ ref('int_google_ads__overriding_templates') }}
    group by account_id, campaign_id
)

select
    claims.submission_id,
    {{ ad_key('claims.') }},
    submissions.conversion_number,
    coalesce(submissions.is_filtered, false) or claims.is_test as is_filtered,
    -- submissions of archived contacts are in no mart, but HubSpot received them
    submissions.submission_id is null
    and not (claims.lead_status in ('synced', 'merged_into_existing') and claims.contact_id is null)
        as is_lead_without_submission,
    claims.lead_status,
    submissions.is_tracked,
    submissions.tracking_evidence,
    coalesce(form_pages.lacks_code, false) as page_lacks_code,
    form_pages.page_code_evidence,
    submissions.submission_id is not null
    and (
        submissions.page_url is null
        or coalesce(
            form_tracking.tracked = 0
            or (
                form_tracking.untracked >= {{ setting("form_untracked_submissions") }}
                and form_tracking.tracked < form_tracking.untracked
            ), false
        )
    ) as is_form_context_missing,
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
    claims.named_by not in ('hsa', 'drilldown', 'network_lead') as lacks_parameters,
    types.network is not null and (types.is_always or templates.overriding_templates is null) as is_untrackable_ad_type,
    -- if HubSpot tags none of the account's ads of a supported type, auto-tracking is off
    case when types.network is not null or templates.has_hubspot_templates then templates.overriding_templates end
        as overriding_templates,
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
left join templates
    on
        claims.network = 'google_ads'
        and claims.account_id = templates.account_id
        and claims.campaign_id = templates.campaign_id
left join {{ ref('int_deleted_contact_submissions') }} as deleted on claims.submission_id = deleted.submission_id
