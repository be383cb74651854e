select
    customer_id as account_id,
    date,
    gclid,
    campaign_id,
    ad_group_id,
    ad_id,
    device,
    ad_network_type,
    click_type,
    keyword_text,
    keyword_match_type,
    clicks,
    observed_at
from {{ source('google_ads', 'click_views') }}
where not coalesce(is_day_marker, false) and observed_at <= {{ as_of() }}
qualify
    row_number() over (
        partition by
            customer_id, date, gclid, campaign_id, ad_group_id, ad_id, device, ad_network_type, click_type
        order by observed_at desc
    ) = 1
