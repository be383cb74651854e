-- start, aggregate steps, residuals taken together and end are the same whether a campaign is read as a whole or as its ads
{{ config(meta={'dagster': {'ref': {'name': 'ad_bridge'}}}) }}
-- an ad's claims may hold a sibling's units, which cancels over the campaign
{%- set step_or_rest = "case when evidence_class = 'residual' then 'residual' else step end" %}
with campaigns as (
    select
        attribution_report,
        network,
        account_id,
        campaign_id,
        date,
        {{ step_or_rest }} as step,
        sum(units) as units
    from {{ ref('conversion_bridge') }}
    group by attribution_report, network, account_id, campaign_id, date, {{ step_or_rest }}
),

ads as (
    select
        attribution_report,
        network,
        account_id,
        campaign_id,
        date,
        {{ step_or_rest }} as step,
        sum(units) as units
    from {{ ref('ad_bridge') }}
    group by attribution_report, network, account_id, campaign_id, date, {{ step_or_rest }}
)

select
    coalesce(campaigns.attribution_report, ads.attribution_report) as attribution_report,
    coalesce(campaigns.network, ads.network) as network,
    coalesce(campaigns.campaign_id, ads.campaign_id) as campaign_id,
    coalesce(campaigns.date, ads.date) as date,
    coalesce(campaigns.step, ads.step) as step,
    campaigns.units as campaign_units,
    ads.units as ad_units
from campaigns
full join ads
    on
        campaigns.attribution_report = ads.attribution_report
        and {{ same_campaign('campaigns', 'ads') }}
        and campaigns.date = ads.date
        and campaigns.step = ads.step
where coalesce(campaigns.units, 0) != coalesce(ads.units, 0)
