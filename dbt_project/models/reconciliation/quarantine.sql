select
    record_id,
    source,
    resource,
    record,
    reason,
    loaded_at
from {{ ref('int_quarantined_records') }}
