-- lists only causes that persist: the page still has no tracking code, or the cause occurred within the last days
select
    causes.network,
    causes.account_id,
    causes.campaign_id,
    causes.subject_type,
    causes.subject_id,
    causes.cause,
    cast(
        row_number() over (
            partition by causes.network, causes.account_id
            order by
                causes.contacts_gained desc nulls last,
                spent.spend_company_currency desc nulls last,
                causes.network_units desc,
                causes.cause asc,
                causes.subject_id asc
        ) as integer
    ) as rank,
    {{ amount('coalesce(causes.contacts_gained, 0)') }} as contacts_gained,
    {{ amount('causes.network_units') }} as network_units,
    {{ amount('spent.spend_company_currency') }} as spend_company_currency,
    case causes.cause
        when 'no_tracking_code'
            then
                case
                    when causes.is_inferred
                        then
                            'HubSpot has recorded no view of this page although forms were sent from it. Check whether the'
                            || ' tracking code is installed. '
                    else ''
                end
                || 'Install the HubSpot tracking code on ' || causes.subject_id || ' (HubSpot: Settings > Tracking code).'
        when 'form_context_missing'
            then
                'Pass the tracking cookie and the page URL (context.hutk, context.pageUri) when form ' || causes.subject_id
                || ' is sent through the Forms API, or embed the HubSpot form.'
        when 'redirect_drops_parameters'
            then 'Make the redirect of ' || causes.subject_id || ' keep the query string, or point the ads at its target.'
        when 'untrackable_ad_type'
            then
                'HubSpot cannot add its parameters to ads of this type: add hsa_* to the final URL suffix of campaign '
                || causes.subject_id || ' yourself. Otherwise HubSpot credits no contacts to it.'
        when 'auto_tracking_off'
            then coalesce(
                'Remove the tracking template of ' || array_to_string(causes.overriding_templates, ', ')
                || ' in Google Ads: it overrides HubSpot''s, so that clicks of campaign ' || causes.subject_id
                || ' carry no hsa_* parameters. Earlier clicks stay uncredited.',
                'Switch on auto-tracking in HubSpot (Settings > Marketing > Ads > Accounts) for '
                || case causes.subject_type when 'ad_account' then 'ad account ' else 'the ads of campaign ' end
                || causes.subject_id || ': its clicks carry no hsa_* parameters. Earlier clicks stay uncredited.'
            )
        when 'lead_not_synced'
            then
                'Fix lead syncing of lead form ' || causes.subject_id
                || ' (HubSpot: Settings > Marketing > Ads > Lead syncing), before the network deletes its leads.'
        when 'repeat_submission'
            then
                'Set conversion action ' || causes.subject_id
                || ' to count one conversion per click: it counts every submission, while HubSpot counts each contact once.'
    end as advice,
    case when causes.is_inferred then 'inferred' else 'row' end as evidence_class,
    json_object(
        'events', causes.events,
        'first_met_at', causes.first_met_at,
        'last_met_at', causes.last_met_at,
        'share_of_visitors_with_cookie', case when causes.least_chance < 1 then round(causes.least_chance, 4) end,
        'campaign_ids', causes.campaign_ids,
        'event_ids', causes.event_ids
    ) as evidence
from {{ ref('int_action_causes') }} as causes
left join {{ ref('int_action_spend') }} as spent
    on
        causes.network = spent.network
        and causes.account_id = spent.account_id
        and causes.subject_type = spent.subject_type
        and causes.subject_id = spent.subject_id
        and causes.cause = spent.cause
where causes.contacts_gained > 0 or causes.network_units > 0
