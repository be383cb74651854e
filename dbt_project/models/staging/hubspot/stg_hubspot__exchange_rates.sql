select
    from_currency,
    to_currency,
    effective_at,
    try_cast(rate as decimal(18, 8)) as rate
from {{ source('hubspot', 'exchange_rates') }}
where effective_at <= {{ as_of() }}
