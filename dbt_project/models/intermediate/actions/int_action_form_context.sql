select
    claims.network,
    claims.account_id,
    claims.campaign_id,
    'form' as subject_type,
    claims.form_id as subject_id,
    'form_context_missing' as cause,
    case
        when
            claims.could_be_credited
            and not claims.lacks_parameters
            and (claims.claim_source = 'submission_url' or claims.is_in_the_clicks_session)
            then claims.contact_id
    end as gained,
    case when claims.claim_source = 'submission_url' then cookies.share else 1 end as chance,
    case when claims.reason_code = 'form_context_missing' then claims.network_units else 0 end as network_units,
    claims.occurred_at,
    claims.submission_id
from {{ ref('int_action_claims') }} as claims
cross join {{ ref('int_cookie_share') }} as cookies
where
    claims.event_type = 'form_submission'
    and claims.is_form_context_missing
    and not claims.page_lacks_code
    and not coalesce(claims.is_tracked, false)
