select
    submissions.submission_id,
    arg_max(deleted.contact_id, (deleted.deleted_at, deleted.contact_id)) as deleted_contact_id,
    arg_max(deleted.deletion, (deleted.deleted_at, deleted.contact_id)) as deletion,
    max(deleted.deleted_at) as deleted_at
from {{ ref('stg_hubspot__form_submissions') }} as submissions
inner join {{ ref('stg_hubspot__deleted_contacts') }} as deleted
    on
        submissions.erased_contact_id = deleted.contact_id
        or (submissions.email_hash = deleted.email_hash and deleted.deletion = 'archived')
group by submissions.submission_id
