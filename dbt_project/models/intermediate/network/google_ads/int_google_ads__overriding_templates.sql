with levels as (
    select
        account_id,
        campaign_id,
        'campaign' as level,
        campaign_id as id,
        tracking_url_template
    from {{ ref('stg_google_ads__campaigns') }}
    union all
    select
        account_id,
        campaign_id,
        'ad group' as level,
        ad_group_id as id,
        tracking_url_template
    from {{ ref('stg_google_ads__ad_groups') }}
    union all
    select
        account_id,
        campaign_id,
        'ad' as level,
        ad_id as id,
        tracking_url_template
    from {{ ref('stg_google_ads__ads') }}
    union all
    select
        account_id,
        campaign_id,
        'asset group' as level,
        asset_group_id as id,
        tracking_url_template
    from {{ ref('stg_google_ads__asset_groups') }}
)

select
    account_id,
    campaign_id,
    level,
    id,
    has_hubspot_templates
from (
    select
        *,
        bool_or(coalesce(contains(tracking_url_template, 'hsa_cam'), false)) over (partition by account_id)
            as has_hubspot_templates
    from levels
) as templates
where trim(tracking_url_template) != '' and not contains(tracking_url_template, 'hsa_cam')
