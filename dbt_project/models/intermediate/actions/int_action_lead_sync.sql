with credited_contacts as (
    select distinct
        network,
        account_id,
        contact_id
    from {{ ref('int_credits') }}
    where attribution_report = '{{ setting("default_attribution_report") }}'
)

select
    claims.network,
    claims.account_id,
    claims.campaign_id,
    'lead_form' as subject_type,
    claims.form_id as subject_id,
    'lead_not_synced' as cause,
    -- one per e-mail address, and only if its contact has no conversion in HubSpot
    case
        when first_conversions.contact_id is null and credited_contacts.contact_id is null and not claims.is_test
            then coalesce(claims.contact_id, leads.email_hash, claims.submission_id)
    end as gained,
    1 as chance,
    case when claims.reason_code = 'lead_not_synced' then claims.network_units else 0 end as network_units,
    claims.occurred_at,
    claims.submission_id
from {{ ref('int_action_claims') }} as claims
left join {{ ref('int_network_leads') }} as leads
    on
        claims.network = leads.network
        and claims.submission_id = concat_ws(':', leads.network, 'lead', leads.lead_id)
left join {{ ref('fct_first_conversions') }} as first_conversions
    on claims.contact_id = first_conversions.contact_id and claims.occurred_at >= first_conversions.converted_at
-- a later conversion already credits the contact to the account
left join credited_contacts
    on
        claims.network = credited_contacts.network
        and claims.account_id = credited_contacts.account_id
        and claims.contact_id = credited_contacts.contact_id
where claims.is_lead_without_submission
