select
    page_id,
    form_id,
    id as lead_id,
    created_time as created_at,
    campaign_id,
    adset_id as ad_group_id,
    ad_id,
    coalesce(is_organic, false) as is_organic,
    is_test,
    platform,
    email
from {{ source('facebook_ads', 'leads') }}
where created_time <= {{ as_of() }}
