-- the first conversion is in the session that an ad click started, or is itself a lead-ad submission (vectors A1, A3, A12)
select
    'first_form_submission' as attribution_report,
    first_conversions.contact_id,
    first_conversions.network,
    first_conversions.account_id,
    first_conversions.campaign_id,
    first_conversions.ad_group_id,
    first_conversions.ad_id,
    coalesce(sessions.started_at, first_conversions.converted_at) as interaction_at,
    case when first_conversions.is_lead_ad then 'lead_ad' else 'ad_click' end as interaction_type,
    first_conversions.converted_at as credited_at,
    first_conversions.submission_id,
    first_conversions.session_id,
    case when first_conversions.is_lead_ad then 'lead_ad' else sessions.evidence end as evidence
from {{ ref('fct_first_conversions') }} as first_conversions
left join {{ ref('fct_sessions') }} as sessions on first_conversions.session_id = sessions.session_id
where
    (first_conversions.is_ad_session or first_conversions.is_lead_ad)
    and first_conversions.network is not null
    and first_conversions.account_id is not null
    and first_conversions.campaign_id is not null
