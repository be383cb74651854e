select
    alias_id,
    contact_id
from {{ source('hubspot', 'merged_contacts') }}
