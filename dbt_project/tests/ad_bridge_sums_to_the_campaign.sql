-- what no rounding touches is the same whether a campaign is read as a whole or as its ads, on every day
{{ config(meta={'dagster': {'ref': {'name': 'ad_bridge'}}}) }}
{%- set steps %}
    'network_conversions', 'date_basis', 'non_form_action', 'uploaded_conversion', 'view_through', 'hubspot_contacts'
{%- endset %}
with campaigns as (
    select
        attribution_report,
        network,
        account_id,
        campaign_id,
        date,
        step,
        units
    from {{ ref('conversion_bridge') }}
    where step in ({{ steps }})
),

ads as (
    select
        attribution_report,
        network,
        account_id,
        campaign_id,
        date,
        step,
        sum(units) as units
    from {{ ref('ad_bridge') }}
    where step in ({{ steps }})
    group by attribution_report, network, account_id, campaign_id, date, step
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
