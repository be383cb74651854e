select
    record_id,
    source,
    resource,
    record,
    reason,
    loaded_at
from {{ ref('stg_loads__quarantine') }}
where loaded_at <= {{ as_of() }}
