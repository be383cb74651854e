select
    days_read.network,
    days_read.account_id,
    days_read.date,
    (cast(days_read.date + 1 as timestamp) at time zone accounts.time_zone)
    + to_hours({{ by_network('finality_hours', 'days_read.network') }}) <= {{ as_of() }}
    -- the figures of a day lack its rejected records
    and not exists (
        select 1
        from {{ ref('int_load_faults') }} as faults
        where
            faults.kind = 'day'
            and faults.source = days_read.network
            and faults.account_id = days_read.account_id
            and faults.date = days_read.date
    ) as is_final
from {{ ref('int_days_read') }} as days_read
inner join {{ ref('int_accounts') }} as accounts
    on days_read.network = accounts.network and days_read.account_id = accounts.account_id
