select
    account_id,
    date,
    campaign_id,
    adset_id as ad_group_id,
    ad_id,
    {{ facebook_figures() }}
from {{ source('facebook_ads', 'insights_ad') }}
where {{ current_figures() }}
