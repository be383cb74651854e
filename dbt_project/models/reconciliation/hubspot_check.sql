-- our credits beside HubSpot's own, campaign by campaign, over the days that HubSpot's export covers
with exported as (
    select
        exports.attribution_report,
        exports.network,
        campaigns.account_id,
        campaigns.campaign_id,
        exports.first_date,
        exports.last_date,
        sum(exports.contacts) as contacts
    from {{ ref('hubspot_ads_export') }} as exports
    inner join (
        select
            *,
            count(*) over (partition by network, lower(trim(campaign_name))) = 1 as is_only_one_of_its_name
        from {{ ref('dim_campaign') }}
    ) as campaigns
        on
            exports.network = campaigns.network
            and (
                exports.campaign_id = campaigns.campaign_id
                or (
                    exports.campaign_id is null
                    and campaigns.is_only_one_of_its_name
                    and lower(trim(exports.campaign_name)) = lower(trim(campaigns.campaign_name))
                )
            )
    group by
        exports.attribution_report,
        exports.network,
        campaigns.account_id,
        campaigns.campaign_id,
        exports.first_date,
        exports.last_date
),

-- a campaign that the export of its account leaves out has no contact there, which is a finding, too
ranges as (
    select distinct
        attribution_report,
        network,
        account_id,
        first_date,
        last_date
    from exported
),

credited as (
    select
        attribution.attribution_report,
        attribution.network,
        attribution.account_id,
        attribution.campaign_id,
        attribution.contact_id,
        cast(min(attribution.credited_at) at time zone any_value(accounts.time_zone) as date) as date
    from {{ ref('fct_contact_attribution') }} as attribution
    inner join {{ ref('int_accounts') }} as accounts
        on attribution.network = accounts.network and attribution.account_id = accounts.account_id
    group by
        attribution.attribution_report,
        attribution.network,
        attribution.account_id,
        attribution.campaign_id,
        attribution.contact_id
),

ours as (
    select
        ranges.attribution_report,
        ranges.network,
        ranges.account_id,
        credited.campaign_id,
        ranges.first_date,
        ranges.last_date,
        count(*) as contacts
    from ranges
    inner join credited
        on
            ranges.attribution_report = credited.attribution_report
            and ranges.network = credited.network
            and ranges.account_id = credited.account_id
            and coalesce(ranges.first_date <= credited.date, true)
            and coalesce(ranges.last_date >= credited.date, true)
    group by all
)

select
    coalesce(ours.attribution_report, exported.attribution_report) as attribution_report,
    coalesce(ours.network, exported.network) as network,
    coalesce(ours.account_id, exported.account_id) as account_id,
    coalesce(ours.campaign_id, exported.campaign_id) as campaign_id,
    coalesce(ours.first_date, exported.first_date) as first_date,
    coalesce(ours.last_date, exported.last_date) as last_date,
    'ads_export' as hubspot_source,
    coalesce(ours.contacts, 0) as contacts,
    cast(coalesce(exported.contacts, 0) as bigint) as hubspot_contacts,
    cast(coalesce(ours.contacts, 0) - coalesce(exported.contacts, 0) as bigint) as difference
from ours
full join exported
    on
        ours.attribution_report = exported.attribution_report
        and {{ same_campaign('ours', 'exported') }}
        and ours.first_date is not distinct from exported.first_date
        and ours.last_date is not distinct from exported.last_date
