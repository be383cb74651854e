select
    list_id,
    contact_id,
    joined_at
from {{ source('hubspot', 'list_memberships') }}
-- the row without a contact only records that the list was loaded
where contact_id != ''
