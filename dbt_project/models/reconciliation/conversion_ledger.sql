{{ config(materialized='incremental', built_per='day', on_schema_change='fail') }}
with reports as (
    {{ attribution_report_rows() }}
),

claims as (
    select
        reports.attribution_report,
        claims.submission_id as event_id,
        claims.* exclude (submission_id),
        coalesce(units.network_units, 0) as network_units
    from {{ ref('int_claims') }} as claims
    cross join reports
    left join {{ ref('int_claim_units') }} as units
        on claims.submission_id = units.submission_id and {{ same_ad('claims', 'units') }}
    where {{ only_changed_days('claims.') }}
),

credits as (
    select * from {{ ref('int_credits') }}
    where {{ only_changed_days() }}
),

rows as (
    select
        coalesce(claims.attribution_report, credits.attribution_report) as attribution_report,
        coalesce(claims.event_id, credits.event_id) as event_id,
        coalesce(claims.network, credits.network) as network,
        coalesce(claims.account_id, credits.account_id) as account_id,
        coalesce(claims.campaign_id, credits.campaign_id) as campaign_id,
        coalesce(claims.ad_group_id, credits.ad_group_id) as ad_group_id,
        coalesce(claims.ad_id, credits.ad_id) as ad_id,
        coalesce(claims.event_type, credits.event_type) as event_type,
        coalesce(claims.contact_id, credits.contact_id) as contact_id,
        coalesce(claims.occurred_at, credits.credited_at) as occurred_at,
        coalesce(claims.date, credits.date) as date,
        coalesce(claims.network_units, 0) as network_units,
        credits.event_id is not null as is_credited,
        credits.is_counted_event,
        credits.interaction_at,
        claims.claim_source,
        claims.named_by,
        claims.is_exact_click,
        claims.clicked_at,
        claims.click_session_id,
        claims.click_id_type,
        claims.click_window_days,
        coalesce(claims.could_count, false) as could_count,
        coalesce(claims.is_in_window, true) as is_in_window,
        coalesce(claims.is_headline_action, true) as is_headline_action
    from claims
    full join credits
        on
            claims.attribution_report = credits.attribution_report
            and claims.event_id = credits.event_id
            and {{ same_ad('claims', 'credits') }}
),

-- if several ads of a campaign have the counted event, the row with the network unit counts the contact, because both sides agree
-- on the campaign
counted as (
    select
        *,
        case
            when
                bool_or(is_counted_event) over campaign_event
                and row_number() over (
                    partition by attribution_report, event_id, network, account_id, campaign_id
                    order by
                        network_units desc,
                        is_credited desc,
                        interaction_at asc,
                        ad_group_id asc nulls last,
                        ad_id asc nulls last
                ) = 1
                then 1
            else 0
        end as hubspot_units
    from rows
    window campaign_event as (partition by attribution_report, event_id, network, account_id, campaign_id)
),

-- credits of all days: the credit for a claim can be on another day
credited_events as (
    select distinct
        attribution_report,
        event_id
    from {{ ref('int_credits') }}
),

counted_contacts as (
    select distinct
        attribution_report,
        contact_id,
        network,
        account_id,
        campaign_id
    from {{ ref('int_credits') }}
    where is_counted_event
),

-- keeps events that the network could count or HubSpot credits, on days with loaded figures
ledger as (
    select
        rows.*,
        days.is_final,
        credited_events.event_id is not null as event_is_credited,
        counted_contacts.contact_id is not null as campaign_counts_contact
    from counted as rows
    inner join {{ ref('int_reconciled_days') }} as days
        on
            rows.network = days.network
            and rows.account_id = days.account_id
            and rows.date = days.date
    left join credited_events
        on rows.attribution_report = credited_events.attribution_report and rows.event_id = credited_events.event_id
    left join counted_contacts
        on
            rows.attribution_report = counted_contacts.attribution_report
            and rows.contact_id = counted_contacts.contact_id
            and {{ same_campaign('rows', 'counted_contacts') }}
    where rows.is_credited or rows.could_count
),

reasons as (
    select
        ledger.*,
        facts.conversion_number,
        facts.is_filtered,
        facts.campaign_claims_earlier_one,
        facts.existed_before_conversion,
        facts.is_tracked,
        facts.tracking_evidence,
        facts.is_form_context_missing,
        facts.is_timed_out_session,
        facts.page_lacks_code,
        facts.page_code_evidence,
        facts.overriding_templates,
        facts.was_first_before_a_merge,
        facts.lead_status,
        facts.session_id,
        case when ledger.contact_id is null then facts.deleted_contact_id end as deleted_contact_id,
        case when ledger.contact_id is null then facts.deletion end as deletion,
        case when ledger.contact_id is null then facts.deleted_at end as deleted_at,
        case
            when ledger.network_units = ledger.hubspot_units then null
            when ledger.network_units = 1
                then
                    case
                        when facts.is_filtered then 'filtered_traffic'
                        when facts.is_lead_without_submission then 'lead_not_synced'
                        when ledger.contact_id is null then 'contact_deleted'
                        when facts.conversion_number > 1 and facts.was_first_before_a_merge then 'contact_merged'
                        when facts.conversion_number > 1 and facts.campaign_claims_earlier_one then 'repeat_submission'
                        when facts.conversion_number > 1 then 'existing_contact'
                        when
                            ledger.attribution_report = 'first_form_submission_new_contact'
                            and facts.existed_before_conversion
                            then 'existing_contact'
                        when ledger.event_is_credited then 'claimed_by_several_ads'
                        -- even if another page identified the visitor, HubSpot did not record the click on this page
                        when
                            facts.page_lacks_code
                            and (not coalesce(facts.is_tracked, false) or ledger.claim_source = 'submission_url')
                            then 'no_tracking_code'
                        when not facts.is_tracked and facts.is_form_context_missing then 'form_context_missing'
                        when not facts.is_tracked then 'no_tracking_cookie'
                        when facts.lacks_parameters and facts.is_untrackable_ad_type then 'untrackable_ad_type'
                        when facts.lacks_parameters then 'auto_tracking_off'
                        -- a report that does not require one session counts this contact by another conversion
                        when not {{ asks_for_one_session('ledger.attribution_report') }}
                            then
                                case
                                    when ledger.campaign_counts_contact and ledger.contact_id is not null then 'repeat_submission'
                                    else 'claimed_by_several_ads'
                                end
                        when facts.is_timed_out_session then 'session_timeout'
                        else 'later_session'
                    end
            when ledger.hubspot_units = 1
                then
                    case
                        when not ledger.is_in_window then 'outside_network_window'
                        when not ledger.is_headline_action then 'action_not_counted'
                        -- no later conversion, or none that the network could count for this ad
                        when
                            not ledger.could_count
                            and not {{ asks_for_one_session('ledger.attribution_report') }}
                            then 'interaction_without_conversion'
                        when not ledger.is_final then 'restatement_pending'
                        else 'not_counted_by_network'
                    end
        end as reason_code
    from ledger
    left join {{ ref('int_claim_facts') }} as facts
        on ledger.event_id = facts.submission_id and {{ same_ad('ledger', 'facts') }}
)

select
    reasons.attribution_report,
    reasons.event_id,
    reasons.network,
    reasons.account_id,
    reasons.campaign_id,
    reasons.ad_group_id,
    reasons.ad_id,
    reasons.event_type,
    reasons.contact_id,
    reasons.occurred_at,
    reasons.date,
    {{ amount('reasons.network_units') }} as network_units,
    {{ amount('reasons.hubspot_units') }} as hubspot_units,
    reasons.reason_code,
    -- page without a snapshot: inferred from the forms sent from it
    case
        when reasons.reason_code = 'no_tracking_code' and reasons.page_code_evidence = 'no_view_recorded' then 'inferred'
        else codes.evidence_class
    end as evidence_class,
    json_object(
        'campaign_named_by', named_by,
        'claim_source', claim_source,
        'clicked_at', clicked_at,
        'click_session_id', click_session_id,
        'click_id_type', click_id_type,
        'click_window_days', click_window_days,
        'is_in_window', is_in_window,
        'is_headline_action', is_headline_action,
        'submission_session_id', session_id,
        'is_filtered', is_filtered,
        'conversion_number', conversion_number,
        'campaign_claims_earlier_one', campaign_claims_earlier_one,
        'existed_before_conversion', existed_before_conversion,
        'is_tracked', is_tracked,
        'tracking_evidence', tracking_evidence,
        'is_form_context_missing', is_form_context_missing,
        'is_timed_out_session', is_timed_out_session,
        'page_lacks_code', page_lacks_code,
        'page_code_evidence', page_code_evidence,
        'overriding_templates', overriding_templates,
        'was_first_before_a_merge', was_first_before_a_merge,
        'lead_status', lead_status,
        'event_is_credited', event_is_credited,
        'deleted_contact_id', deleted_contact_id,
        'deletion', deletion,
        'deleted_at', deleted_at
    ) as evidence
from reasons
left join {{ ref('reason_codes') }} as codes on reasons.reason_code = codes.step
