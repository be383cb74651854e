select
    id as contact_id,
    coalesce(try_cast(createdate as timestamptz), created_at) as created_at,
    coalesce(deleted_at, archived_at, observed_at) as deleted_at,
    case when deleted_at is null then 'archived' else 'erased' end as deletion,
    {{ email_hash('email') }} as email_hash,
    hs_calculated_form_submissions as calculated_form_submissions
from {{ source('hubspot', 'contacts') }}
where archived or deleted_at is not null
