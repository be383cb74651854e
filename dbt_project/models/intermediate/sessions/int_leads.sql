with recursive leads as (
    select
        leads.*,
        emails.contact_id,
        case when emails.contact_id is null then deleted.contact_id end as archived_contact_id,
        coalesce(contacts.created_at, deleted.created_at) as contact_created_at
    from {{ ref('int_network_leads') }} as leads
    left join {{ ref('int_contact_emails') }} as emails on leads.email_hash = emails.email_hash
    left join {{ ref('int_contacts') }} as contacts on emails.contact_id = contacts.contact_id
    left join (
        select
            email_hash,
            arg_max(contact_id, (deleted_at, contact_id)) as contact_id,
            arg_max(created_at, (deleted_at, contact_id)) as created_at
        from {{ ref('stg_hubspot__deleted_contacts') }}
        where deletion = 'archived'
        group by email_hash
    ) as deleted
        on leads.email_hash = deleted.email_hash
),

lead_ad_submissions as (
    select
        submissions.submission_id,
        submissions.contact_id,
        submissions.submitted_at,
        urls.hsa_network,
        urls.hsa_campaign_id,
        urls.hsa_ad_id
    from {{ ref('int_submissions') }} as submissions
    left join {{ ref('int_tagged_urls') }} as urls on submissions.page_url = urls.url
    where submissions.form_type = 'lead_ad'
    union all by name
    -- archived contacts still list their submissions, which the marts exclude
    select
        concat_ws(':', counted.form_id, epoch_ms(counted.submitted_at), counted.contact_id) as submission_id,
        counted.contact_id,
        counted.submitted_at
    from {{ ref('stg_hubspot__counted_submissions') }} as counted
    where
        counted.page_id is null
        and counted.contact_id in (select leads.archived_contact_id from leads)
        and counted.form_id not in (select forms.form_id from {{ ref('stg_hubspot__forms') }} as forms)
),

pairs as (
    select
        leads.network,
        leads.lead_id,
        submissions.submission_id,
        submissions.submitted_at,
        abs(epoch_ms(submissions.submitted_at) - epoch_ms(leads.created_at)) as distance
    from leads
    inner join lead_ad_submissions as submissions
        on coalesce(leads.contact_id, leads.archived_contact_id) = submissions.contact_id
    where
        -- HubSpot may sync leads late, but never before they were sent
        epoch_ms(submissions.submitted_at) >= epoch_ms(leads.created_at)
        - {{ setting('existing_contact_tolerance_minutes') }} * 60000
        and coalesce(submissions.hsa_network = leads.network, true)
        and coalesce(submissions.hsa_campaign_id = leads.campaign_id, true)
        and coalesce(submissions.hsa_ad_id = leads.ad_id, true)
),

-- each round takes the pairs that are each other's nearest; the nearest of all always qualifies
rounds as (
    select
        *,
        row_number() over (partition by network, lead_id order by distance, submission_id) = 1
        and row_number() over (partition by submission_id order by distance, network, lead_id) = 1 as is_taken
    from pairs
    union all
    select
        *,
        row_number() over (partition by network, lead_id order by distance, submission_id) = 1
        and row_number() over (partition by submission_id order by distance, network, lead_id) = 1 as is_taken
    from (
        select * exclude (is_taken)
        from rounds
        qualify
            not bool_or(is_taken) over (partition by network, lead_id)
            and not bool_or(is_taken) over (partition by submission_id)
    ) as left_pairs
)

select
    leads.* exclude (email_hash),
    case when leads.contact_id is not null then taken.submission_id end as submission_id,
    taken.submitted_at
from leads
left join rounds as taken
    on leads.network = taken.network and leads.lead_id = taken.lead_id and taken.is_taken
