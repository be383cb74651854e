-- what became of the records of each raw table, load and scope; a load repeated counts its repetitions, so it is not
-- published: the same refresh publishes the same rows
select
    source,
    resource,
    scope,
    loaded_at,
    received,
    landed,
    duplicates,
    quarantined
from {{ ref('stg_loads__counts') }}
