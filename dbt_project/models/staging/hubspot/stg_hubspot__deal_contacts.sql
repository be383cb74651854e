with associations as (
    select
        deal_id,
        unnest(from_json(associations, '[{"toObjectId":"VARCHAR"}]')) as association
    from {{ source('hubspot', 'deal_contacts') }}
)

select distinct
    deal_id,
    association.toobjectid as contact_id
from associations
where association.toobjectid is not null
