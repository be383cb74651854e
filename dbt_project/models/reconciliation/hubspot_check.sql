-- compares credits over the days of each export, and for each contact list with an ad interaction filter
with campaigns as (
    select
        *,
        count(*) over (partition by network, lower(trim(campaign_name))) = 1 as is_only_one_of_its_name
    from {{ ref('dim_campaign') }}
),

exported as (
    select
        exports.hubspot_source,
        exports.attribution_report,
        exports.network,
        campaigns.account_id,
        campaigns.campaign_id,
        exports.first_date,
        exports.last_date,
        -- a list by campaign id and one by campaign name contain the same contacts
        case exports.hubspot_source when 'list' then max(exports.contacts) else sum(exports.contacts) end as contacts
    from {{ ref('int_hubspot_contact_counts') }} as exports
    inner join campaigns
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
        exports.hubspot_source,
        exports.attribution_report,
        exports.network,
        campaigns.account_id,
        campaigns.campaign_id,
        exports.first_date,
        exports.last_date
),

-- a campaign missing in the export of its account has 0 contacts there; a campaign without a list has nothing to compare with
ranges as (
    select distinct
        hubspot_source,
        attribution_report,
        network,
        account_id,
        case when hubspot_source = 'list' then campaign_id end as only_campaign_id,
        first_date,
        last_date
    from exported
),

credited as (
    select distinct
        attribution_report,
        network,
        account_id,
        campaign_id,
        contact_id,
        date
    from {{ ref('int_credits') }}
    where is_counted_event
),

ours as (
    select
        ranges.hubspot_source,
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
            and coalesce(ranges.only_campaign_id = credited.campaign_id, true)
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
    coalesce(ours.hubspot_source, exported.hubspot_source) as hubspot_source,
    coalesce(ours.contacts, 0) as contacts,
    cast(coalesce(exported.contacts, 0) as bigint) as hubspot_contacts,
    cast(coalesce(ours.contacts, 0) - coalesce(exported.contacts, 0) as bigint) as difference
from ours
full join exported
    on
        ours.hubspot_source = exported.hubspot_source
        and ours.attribution_report = exported.attribution_report
        and {{ same_campaign('ours', 'exported') }}
        and ours.first_date is not distinct from exported.first_date
        and ours.last_date is not distinct from exported.last_date
