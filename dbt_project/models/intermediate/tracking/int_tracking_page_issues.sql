with submissions as (
    select
        {{ url_location('submissions.page_url') }} as location,
        {{ url_location('sessions.landing_page_url') }} as landing_location
    from {{ ref('fct_form_submissions') }} as submissions
    left join {{ ref('fct_sessions') }} as sessions on submissions.session_id = sessions.session_id
    where
        submissions.form_type != 'lead_ad'
        and submissions.submitted_at >= {{ as_of() }} - to_days({{ setting('tracking_health_days') }})
),

issues as (
    select
        *,
        unnest([
            case when list_contains(tags, 'issue:no_tracking_code') then 'no_tracking_code' end,
            case when list_contains(tags, 'issue:tracking_code_other_portal') then 'tracking_code_other_portal' end,
            case when list_contains(tags, 'issue:page_unreachable') then 'page_unreachable' end,
            case when drops_parameters then 'redirect_drops_parameters' end,
            case
                when
                    error is null and http_status = 200 and not has_hubspot_form and detected_by != 'rendered_by_script'
                    -- a page that HubSpot received submissions from has a form, whatever the HTML shows
                    and location not in (select submissions.location from submissions where submissions.location is not null)
                    -- without any form, the session may convert on the next page
                    and (
                        has_other_form
                        or location not in (
                            select submissions.landing_location from submissions where submissions.landing_location is not null
                        )
                    )
                    then 'no_hubspot_form'
            end
        ]) as issue_code
    from {{ ref('int_tracking_pages') }}
    where snapshot_id is not null
)

select
    network,
    account_id,
    ad_id,
    issue_code,
    landing_page_url,
    fetched_at as checked_at,
    snapshot_id,
    case issue_code
        when 'no_tracking_code'
            then
                'The HubSpot tracking code is not on the page, nor anything that could bring it: HubSpot sees no visit there.'
                || ' Add the tracking code to the page.'
        when 'tracking_code_other_portal'
            then
                'The tracking code on the page reports to portal ' || coalesce(portal_id, 'unknown')
                || ', which is not yours. Replace it by your own portal''s code.'
        when 'page_unreachable'
            then
                'The page could not be read: ' || coalesce(detail, error, 'unknown error')
                || '. Open it as a visitor does, and let the ad lead to a page that answers.'
        when 'redirect_drops_parameters'
            then
                'On the way to ' || coalesce(final_url, 'the page') || ' the redirects lose '
                || array_to_string(dropped_parameters, ', ')
                || ', so that HubSpot cannot name the ad. Let the ad lead there directly, or keep the query when redirecting.'
        when 'no_hubspot_form'
            then
                case
                    when has_other_form then 'The page''s form is none of HubSpot''s, and HubSpot received nothing from it'
                    else 'The page has no form, and HubSpot received nothing from visits that started there'
                end
                || ' in {{ setting("tracking_health_days") }} days. Use a HubSpot form, or send the form''s entries through'
                || ' HubSpot''s Forms API with page URL and visitor cookie.'
    end as detail
from issues
where issue_code is not null
