select
    network,
    account_id,
    campaign_id,
    ad_group_id,
    ad_group_name,
    status,
    ad_type,
    is_deleted,
    click_window_days
from ({{ union_networks('int_{network}__ad_groups') }}) as networks
