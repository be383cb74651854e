select
    'google_ads' as network,
    account_id,
    campaign_id,
    date,
    impressions,
    clicks,
    spend,
    conversions,
    observed_at,
    superseded_at,
    is_day_marker
from {{ ref('stg_google_ads__campaign_observations') }}
union all
select
    'facebook_ads' as network,
    figures.account_id,
    figures.campaign_id,
    figures.date,
    figures.impressions,
    figures.clicks,
    figures.spend,
    coalesce(
        list_sum(
            list_transform(
                list_filter(
                    from_json(figures.actions, '[{"action_type":"VARCHAR","value":"VARCHAR"}]'),
                    lambda action: list_contains(headline.action_types, action.action_type)
                ),
                lambda action: cast(action.value as decimal(18, 6))
            )
        ), 0
    ) as conversions,
    figures.observed_at,
    figures.superseded_at,
    figures.is_day_marker
from {{ ref('stg_facebook_ads__campaign_observations') }} as figures
cross join (select list(action_type) as action_types from {{ ref('facebook_headline_actions') }}) as headline
union all
select
    'linkedin_ads' as network,
    figures.account_id,
    campaigns.campaign_id,
    figures.date,
    figures.impressions,
    figures.clicks,
    figures.spend,
    cast(figures.conversions as decimal(18, 6)) as conversions,
    figures.observed_at,
    figures.superseded_at,
    figures.is_day_marker
from {{ ref('stg_linkedin_ads__campaign_observations') }} as figures
left join {{ ref('int_linkedin_ads__campaigns') }} as campaigns
    on figures.account_id = campaigns.account_id and figures.ad_group_id = campaigns.ad_group_id
