select
    network,
    account_id,
    date
from ({{ union_networks('stg_{network}__days_read') }}) as networks
