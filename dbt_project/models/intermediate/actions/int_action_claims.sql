with credited as (
    select distinct event_id
    from {{ ref('int_credits') }}
    where attribution_report = '{{ setting("default_attribution_report") }}'
),

ledger as (
    select
        event_id as submission_id,
        {{ ad_key() }},
        network_units,
        reason_code
    from {{ ref('conversion_ledger') }}
    where attribution_report = '{{ setting("default_attribution_report") }}' and reason_code is not null
)

select
    claims.*,
    facts.* exclude (submission_id, {{ ad_key() }}),
    {{ url_location('submissions.page_url') }} as form_page,
    {{ bare_url('submissions.page_url') }} as form_url,
    {{ url_location('sessions.landing_page_url') }} as landing_page,
    ledger.reason_code,
    coalesce(ledger.network_units, 0) as network_units,
    -- first conversions that count and that no ad is credited with
    facts.conversion_number = 1
    and claims.contact_id is not null
    and credited.event_id is null as could_be_credited,
    claims.click_session_id is not null
    and claims.occurred_at
    <= claims.click_session_ended_at + interval '{{ setting("session_gap_minutes") }} minutes' as is_in_the_clicks_session
from {{ ref('int_claims') }} as claims
inner join {{ ref('int_claim_facts') }} as facts
    on claims.submission_id = facts.submission_id and {{ same_ad('claims', 'facts') }}
left join {{ ref('fct_form_submissions') }} as submissions on claims.submission_id = submissions.submission_id
left join {{ ref('fct_sessions') }} as sessions on claims.click_session_id = sessions.session_id
left join ledger on claims.submission_id = ledger.submission_id and {{ same_ad('claims', 'ledger') }}
left join credited on claims.submission_id = credited.event_id
where claims.occurred_at > {{ as_of() }} - to_days({{ setting("actions_days") }})
