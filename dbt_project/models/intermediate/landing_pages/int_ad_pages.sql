with pages as (
    select
        {{ ad_key() }},
        final_url as url
    from {{ ref('dim_ad') }}
    where final_url is not null
    union
    -- ads may have a separate mobile URL
    select
        'google_ads' as network,
        account_id,
        campaign_id,
        ad_group_id,
        ad_id,
        final_mobile_url as url
    from {{ ref('stg_google_ads__ads') }}
    where final_mobile_url is not null
    union
    -- carousel ads have several landing pages
    select
        'facebook_ads' as network,
        account_id,
        campaign_id,
        ad_group_id,
        ad_id,
        unnest(urls) as url
    from {{ ref('stg_facebook_ads__ads') }}
    union
    select
        'linkedin_ads' as network,
        creatives.account_id,
        campaigns.campaign_id,
        creatives.ad_group_id,
        creatives.ad_id,
        unnest(creatives.urls) as url
    from {{ ref('stg_linkedin_ads__creatives') }} as creatives
    inner join {{ ref('int_linkedin_ads__campaigns') }} as campaigns
        on creatives.account_id = campaigns.account_id and creatives.ad_group_id = campaigns.ad_group_id
    union
    -- Performance Max has no ads
    select
        'google_ads' as network,
        account_id,
        campaign_id,
        null as ad_group_id,
        null as ad_id,
        unnest(list_filter([final_url, final_mobile_url], lambda url: url is not null)) as url
    from {{ ref('stg_google_ads__asset_groups') }}
)

select
    {{ ad_key('pages.') }},
    pages.url,
    -- several URLs may share one landing page
    urls.url as landing_page_url
from pages
left join {{ ref('stg_landing_pages__urls') }} as urls on pages.network = urls.source and pages.url = urls.final_url
