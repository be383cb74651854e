{{ config(meta={'dagster': {'ref': {'name': 'fct_ad_performance_daily'}}}) }}
with totals as (
    select
        'google_ads' as network,
        account_id,
        campaign_id,
        date,
        conversions
    from {{ ref('stg_google_ads__campaign_metrics') }}
    union all
    select
        'linkedin_ads' as network,
        figures.account_id,
        campaigns.campaign_id,
        figures.date,
        sum(figures.external_website_conversions + figures.one_click_leads) as conversions
    from {{ ref('stg_linkedin_ads__campaign_analytics') }} as figures
    inner join {{ ref('int_linkedin_ads__campaigns') }} as campaigns
        on figures.account_id = campaigns.account_id and figures.ad_group_id = campaigns.ad_group_id
    group by figures.account_id, campaigns.campaign_id, figures.date
    union all
    select
        'facebook_ads' as network,
        insights.account_id,
        insights.campaign_id,
        insights.date,
        sum(cast(insights.action.value as decimal(18, 6))) as conversions
    from (
        select
            account_id,
            campaign_id,
            date,
            unnest(from_json(actions, '[{"action_type":"VARCHAR","value":"VARCHAR"}]')) as action
        from {{ ref('stg_facebook_ads__campaign_insights') }}
    ) as insights
    where insights.action.action_type in (select headline.action_type from {{ ref('facebook_headline_actions') }} as headline)
    group by insights.account_id, insights.campaign_id, insights.date
),

marts as (
    select
        network,
        account_id,
        campaign_id,
        date,
        sum(network_conversions) as conversions
    from {{ ref('fct_ad_performance_daily') }}
    group by network, account_id, campaign_id, date
)

select
    coalesce(totals.network, marts.network) as network,
    coalesce(totals.campaign_id, marts.campaign_id) as campaign_id,
    coalesce(totals.date, marts.date) as date,
    totals.conversions as network_figure,
    marts.conversions as mart_figure
from totals
full join marts
    on {{ same_campaign('totals', 'marts') }} and totals.date = marts.date
where abs(coalesce(totals.conversions, 0) - coalesce(marts.conversions, 0)) > 0.001
