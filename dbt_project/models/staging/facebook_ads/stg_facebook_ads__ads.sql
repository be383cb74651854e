select
    ads.account_id,
    ads.campaign_id,
    ads.adset_id as ad_group_id,
    ads.id as ad_id,
    ads.name as ad_name,
    ads.effective_status as status,
    creatives.link_url as final_url,
    coalesce(from_json(creatives.urls, '["VARCHAR"]'), []) as urls,
    creatives.url_tags,
    coalesce(creatives.is_lead_form, false) as is_lead_ad,
    creatives.lead_gen_form_id as form_id
from {{ source('facebook_ads', 'ads') }} as ads
left join {{ source('facebook_ads', 'ad_creatives') }} as creatives
    on ads.account_id = creatives.account_id and ads.creative_id = creatives.id
