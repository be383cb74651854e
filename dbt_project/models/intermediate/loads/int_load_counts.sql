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
where loaded_at <= {{ as_of() }}
