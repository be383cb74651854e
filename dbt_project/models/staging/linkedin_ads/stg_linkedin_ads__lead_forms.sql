select
    account_id,
    id as form_id,
    name as form_name,
    state as status,
    created_at
from {{ source('linkedin_ads', 'lead_forms') }}
