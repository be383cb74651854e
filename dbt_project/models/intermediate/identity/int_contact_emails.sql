select
    email_hash,
    arg_min(contact_id, (created_at, contact_id)) as contact_id
from (
    select
        unnest(email_hashes) as email_hash,
        contact_id,
        created_at
    from {{ ref('int_contacts') }}
)
group by email_hash
