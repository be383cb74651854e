select
    account_id,
    campaign_id,
    ad_group_id,
    ad_group_name,
    status,
    click_window_days,
    view_window_days
from {{ ref('stg_facebook_ads__ad_set_versions') }}
qualify row_number() over (partition by account_id, ad_group_id order by observed_at desc) = 1
