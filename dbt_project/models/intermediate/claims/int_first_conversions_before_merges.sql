with landed as (
    select
        aliases.contact_id,
        counted.form_id,
        min(counted.submitted_at) as submitted_at
    from (
        select
            contact_id,
            arg_min(form_id, (submitted_at, form_id)) as form_id,
            min(submitted_at) as submitted_at
        from {{ ref('stg_hubspot__counted_submissions') }}
        group by contact_id
    ) as counted
    inner join {{ ref('int_contact_aliases') }} as aliases on counted.contact_id = aliases.alias_id
    where aliases.contact_id != aliases.alias_id
    group by aliases.contact_id, counted.form_id, counted.contact_id
),

addressed as (
    select
        submissions.submission_id,
        submissions.contact_id,
        submissions.conversion_number,
        entries.email_hash,
        first_value(entries.email_hash) over (
            partition by submissions.contact_id
            order by submissions.conversion_number
        ) as first_email_hash
    from {{ ref('fct_form_submissions') }} as submissions
    inner join {{ ref('stg_hubspot__form_submissions') }} as entries
        on submissions.submission_id = entries.submission_id
    inner join {{ ref('int_contacts') }} as contacts on submissions.contact_id = contacts.contact_id
    where submissions.conversion_number is not null and len(contacts.merged_contact_ids) > 0
),

first_of_address as (
    select
        contact_id,
        arg_min(submission_id, conversion_number) as submission_id
    from addressed
    where email_hash is not null and email_hash is distinct from first_email_hash
    group by contact_id, email_hash
)

select submissions.submission_id
from {{ ref('fct_form_submissions') }} as submissions
inner join landed
    on
        submissions.contact_id = landed.contact_id
        and submissions.form_id = landed.form_id
        and submissions.submitted_at = landed.submitted_at
where submissions.conversion_number > 1
union
select submission_id
from first_of_address
