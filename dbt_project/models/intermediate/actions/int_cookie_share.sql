-- contacts who convert on their landing page and have no other obstacle to tracking: without a cookie only that
-- page's URL identifies the ad
select
    coalesce(
        count(distinct contact_id) filter (where is_tracked)
        / nullif(count(distinct contact_id), 0),
        1
    ) as share
from {{ ref('int_action_claims') }}
where
    event_type = 'form_submission'
    and conversion_number = 1
    and not is_filtered
    and not lacks_parameters
    and not page_lacks_code
    and not is_form_context_missing
    and (
        claim_source = 'submission_url'
        or (landing_page = form_page and (click_session_id = session_id or tracking_evidence = 'open_page'))
    )
