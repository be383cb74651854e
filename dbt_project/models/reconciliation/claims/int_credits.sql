-- what HubSpot credits, on the campaign's day; the bridge's end counts a contact once per report and campaign, on the day of
-- its earliest credit there
select
    attribution.attribution_report,
    attribution.submission_id as event_id,
    attribution.contact_id,
    {{ ad_key('attribution.') }},
    attribution.interaction_type,
    attribution.credited_at,
    cast(attribution.credited_at at time zone accounts.time_zone as date) as date,
    row_number() over (
        partition by
            attribution.attribution_report,
            attribution.contact_id,
            attribution.network,
            attribution.account_id,
            attribution.campaign_id
        order by
            attribution.credited_at,
            attribution.interaction_at,
            attribution.ad_group_id nulls last,
            attribution.ad_id nulls last
    ) = 1 as is_counted_contact
from {{ ref('fct_contact_attribution') }} as attribution
inner join {{ ref('int_accounts') }} as accounts
    on attribution.network = accounts.network and attribution.account_id = accounts.account_id
