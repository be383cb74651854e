select
    {{ ad_key() }},
    ad_name,
    status,
    ad_type,
    is_lead_ad,
    final_url,
    is_deleted
from ({{ union_networks('int_{network}__ads') }}) as networks
