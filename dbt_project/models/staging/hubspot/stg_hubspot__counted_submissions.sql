with contacts as (
    select
        contact_id,
        calculated_form_submissions
    from {{ ref('stg_hubspot__contacts') }}
    union all
    select
        contact_id,
        calculated_form_submissions
    from {{ ref('stg_hubspot__deleted_contacts') }}
),

entries as (
    select
        contact_id,
        unnest(string_split(calculated_form_submissions, ';')) as entry
    from contacts
    where calculated_form_submissions is not null
),

parts as (
    select distinct
        contact_id,
        split_part(entry, ':', 1) as form_id,
        nullif(split_part(entry, ':', 2), '') as page_id,
        try(make_timestamptz(cast(split_part(entry, ':', 3) as bigint) * 1000)) as submitted_at
    from entries
    where entry != ''
)

select
    contact_id,
    form_id,
    page_id,
    submitted_at
from parts
where submitted_at <= {{ as_of() }}
