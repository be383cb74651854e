select
    {{ ad_key() }},
    lead_id,
    form_id,
    created_at,
    is_test,
    is_organic or coalesce(campaign_id, ad_group_id, ad_id) is null as is_without_ad,
    {{ email_hash('email') }} as email_hash
from ({{ union_networks('int_{network}__leads') }}) as leads
