-- both parts of a source leave the same account out
select
    fault_id,
    source,
    kind,
    resource,
    account_id,
    subject,
    date,
    records,
    seen,
    fix,
    min(since) over (partition by source, fault_id) as since,
    loaded_at
from {{ ref('stg_loads__faults') }}
where since <= {{ as_of() }}
qualify row_number() over (partition by source, fault_id order by loaded_at desc, since asc) = 1
