with leads as (
    select
        *,
        contact_created_at < created_at - to_minutes({{ setting('existing_contact_tolerance_minutes') }}) as is_existing_contact
    from {{ ref('int_leads') }}
),

-- a third-party integration creates a contact without a submission: a contact created soon after the lead, without another
-- submission that could have created it
brought as (
    select
        leads.network,
        leads.lead_id,
        leads.contact_created_at
    from leads
    where
        leads.submitted_at is null
        and not leads.is_existing_contact
        and leads.contact_created_at <= leads.created_at + to_hours({{ setting('lead_ad_url_hours') }})
        -- submissions of archived contacts to other forms are not loaded
        and leads.archived_contact_id is null
        and not exists (
            select 1
            from {{ ref('int_submissions') }} as submissions
            where
                submissions.contact_id = leads.contact_id
                and submissions.submitted_at
                <= leads.contact_created_at + to_minutes({{ setting('existing_contact_tolerance_minutes') }})
        )
    -- each contact matches one lead
    qualify
        row_number() over (
            partition by leads.contact_id
            order by leads.created_at desc, leads.network asc, leads.lead_id asc
        ) = 1
),

traced as (
    select
        leads.*,
        case
            when leads.submitted_at is null then brought.contact_created_at
            when leads.is_existing_contact then leads.submitted_at
            else least(leads.submitted_at, leads.contact_created_at)
        end as synced_at
    from leads
    left join brought on leads.network = brought.network and leads.lead_id = brought.lead_id
)

select
    {{ ad_key() }},
    lead_id,
    form_id,
    created_at,
    contact_id,
    submission_id,
    synced_at,
    date_diff('second', created_at, synced_at) as latency_seconds,
    case
        when is_test then 'test_lead'
        when is_without_ad then 'no_ad'
        when synced_at is not null and is_existing_contact then 'merged_into_existing'
        when synced_at is not null then 'synced'
        when created_at > {{ as_of() }} - to_minutes({{ setting('lead_pending_minutes') }}) then 'pending'
        when created_at < {{ as_of() }} - to_days({{ by_network('lead_retention_days', 'network') }}) then 'retention_passed'
        else 'missing'
    end as status
from traced
