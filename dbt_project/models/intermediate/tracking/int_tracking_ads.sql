select
    {{ ad_key('ads.') }},
    ads.is_lead_ad,
    campaigns.campaign_type,
    types.is_always as is_never_tracked,
    types.campaign_type is not null as is_untrackable_type
from {{ ref('dim_ad') }} as ads
left join {{ ref('dim_campaign') }} as campaigns on {{ same_campaign('ads', 'campaigns') }}
left join {{ ref('untrackable_ad_types') }} as types
    on ads.network = types.network and campaigns.campaign_type = types.campaign_type
where not ads.is_deleted
