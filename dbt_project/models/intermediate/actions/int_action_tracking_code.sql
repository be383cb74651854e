select
    claims.network,
    claims.account_id,
    claims.campaign_id,
    'landing_page' as subject_type,
    pages.landing_page_url as subject_id,
    'no_tracking_code' as cause,
    case
        when
            claims.could_be_credited
            and not claims.lacks_parameters
            and claims.claim_source = 'submission_url'
            then claims.contact_id
    end as gained,
    -- a contact known from another page has a cookie
    case when claims.is_tracked then 1 else cookies.share end as chance,
    case when claims.reason_code = 'no_tracking_code' then claims.network_units else 0 end as network_units,
    claims.occurred_at,
    claims.submission_id,
    claims.page_code_evidence = 'snapshot' as still_holds,
    claims.page_code_evidence = 'no_view_recorded' as is_inferred
from {{ ref('int_action_claims') }} as claims
inner join {{ ref('int_pages_without_code') }} as pages on claims.form_page = pages.location
cross join {{ ref('int_cookie_share') }} as cookies
where
    claims.page_lacks_code
    and (not coalesce(claims.is_tracked, false) or claims.claim_source = 'submission_url')
