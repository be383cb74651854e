select distinct
    deal_id,
    contact_id
from {{ source('hubspot', 'deal_contacts') }}
