-- ids that answered with another contact's record; hs_merged_object_ids tells of most merges without asking
select
    alias_id,
    contact_id
from {{ source('hubspot', 'merged_contacts') }}
