select
    id as form_id,
    name as form_name,
    form_type
from {{ source('hubspot', 'forms') }}
