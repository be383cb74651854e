select
    attribution.attribution_report,
    coalesce(attribution.submission_id, attribution.session_id) as event_id,
    case
        when attribution.submission_id is null then 'interaction'
        when submissions.form_type = 'lead_ad' then 'lead'
        else 'form_submission'
    end as event_type,
    attribution.contact_id,
    {{ ad_key('attribution.') }},
    attribution.interaction_at,
    attribution.credited_at,
    {{ day_in('attribution.credited_at', 'accounts.time_zone') }} as date,
    -- the bridge counts a contact once per report and campaign, on the day of its earliest credit there
    rank() over (
        partition by
            attribution.attribution_report,
            attribution.contact_id,
            attribution.network,
            attribution.account_id,
            attribution.campaign_id
        order by attribution.credited_at, coalesce(attribution.submission_id, attribution.session_id)
    ) = 1 as is_counted_event
from {{ ref('fct_contact_attribution') }} as attribution
inner join {{ ref('int_accounts') }} as accounts
    on attribution.network = accounts.network and attribution.account_id = accounts.account_id
left join {{ ref('fct_form_submissions') }} as submissions on attribution.submission_id = submissions.submission_id
