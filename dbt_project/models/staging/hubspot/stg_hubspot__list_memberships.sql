select
    list_id,
    contact_id,
    joined_at
from {{ source('hubspot', 'list_memberships') }}
-- the one row without a contact says that the list was read
where contact_id != ''
