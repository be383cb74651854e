select
    {{ campaign_key() }},
    campaign_name,
    status,
    campaign_type,
    is_deleted
from ({{ union_networks('int_{network}__campaigns') }}) as networks
