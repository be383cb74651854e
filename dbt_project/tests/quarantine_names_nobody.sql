-- personal data is masked before it is landed: an address in a published record would be a leak
{{ config(meta={'dagster': {'ref': {'name': 'quarantine'}}}) }}
select record_id
from {{ ref('quarantine') }}
where regexp_matches(cast(record as varchar) || reason, '[A-Za-z0-9._+-]+@[A-Za-z0-9-]+[.][A-Za-z]')
