select
    fault_id,
    source,
    kind,
    account_id,
    resource,
    subject,
    date,
    records,
    seen,
    fix,
    since,
    loaded_at
from {{ ref('int_load_faults') }}
