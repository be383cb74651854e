{{ config(materialized='incremental', on_schema_change='fail') }}
select
    submissions.contact_id,
    submissions.submission_id,
    submissions.session_id,
    submissions.submitted_at as converted_at,
    case
        when submissions.form_type = 'lead_ad'
            then coalesce({{ by_network('traffic_source', 'submissions.network') }}, 'PAID_SOCIAL')
        else coalesce(sessions.traffic_source, 'OFFLINE')
    end as traffic_source,
    submissions.form_type = 'lead_ad' as is_lead_ad,
    -- a form without the visitor's context belongs to no session (vector A10)
    coalesce(sessions.is_ad_click, false) and coalesce(submissions.is_tracked, true) as is_ad_session,
    contacts.created_at as contact_created_at,
    coalesce(
        contacts.created_at
        < submissions.submitted_at - interval '{{ setting("existing_contact_tolerance_minutes") }} minutes', false
    ) as existed_before_conversion,
    submissions.network,
    submissions.account_id,
    submissions.campaign_id,
    submissions.ad_group_id,
    submissions.ad_id
from {{ ref('fct_form_submissions') }} as submissions
inner join {{ ref('int_contacts') }} as contacts on submissions.contact_id = contacts.contact_id
left join {{ ref('fct_sessions') }} as sessions on submissions.session_id = sessions.session_id
where submissions.conversion_number = 1 and {{ only_changed('submissions.contact_id') }}
