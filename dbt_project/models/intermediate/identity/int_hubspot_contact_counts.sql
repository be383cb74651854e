with members as (
    select
        memberships.list_id,
        count(distinct aliases.contact_id) as contacts
    from {{ ref('stg_hubspot__list_memberships') }} as memberships
    inner join {{ ref('int_contact_aliases') }} as aliases on memberships.contact_id = aliases.alias_id
    group by memberships.list_id
)

select
    'ads_export' as hubspot_source,
    attribution_report,
    network,
    campaign_id,
    campaign_name,
    first_date,
    last_date,
    contacts
from {{ ref('stg_hubspot__ads_export') }}
union all by name
-- HubSpot's filter for ad interactions corresponds to the report all_ad_interactions
-- https://knowledge.hubspot.com/ads/segment-contacts-based-on-ads-interactions
select
    'list' as hubspot_source,
    'all_ad_interactions' as attribution_report,
    lists.network,
    lists.campaign_id,
    lists.campaign_name,
    cast(null as date) as first_date,
    cast(null as date) as last_date,
    coalesce(members.contacts, 0) as contacts
from {{ ref('stg_hubspot__ad_lists') }} as lists
left join members on lists.list_id = members.list_id
-- one list per campaign
qualify
    row_number() over (
        partition by lists.network, lists.campaign_id, lower(trim(lists.campaign_name))
        order by lists.list_id
    ) = 1
