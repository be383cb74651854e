-- what a user can remove, each once per account: the contacts HubSpot would credit without it and the spend behind them. Only
-- causes that still hold are listed: the page's code is still gone, or the cause was met within the last days
with credits as (
    select * from {{ ref('int_credits') }}
    where attribution_report = '{{ setting("default_attribution_report") }}'
),

credited as (
    select distinct event_id from credits
),

credited_contacts as (
    select distinct
        network,
        account_id,
        contact_id
    from credits
),

ledger as (
    select
        event_id as submission_id,
        {{ ad_key() }},
        network_units,
        reason_code
    from {{ ref('conversion_ledger') }}
    where attribution_report = '{{ setting("default_attribution_report") }}' and reason_code is not null
),

claims as (
    select
        claims.*,
        facts.* exclude (submission_id, {{ ad_key() }}),
        {{ url_location('submissions.page_url') }} as form_page,
        {{ bare_url('submissions.page_url') }} as form_url,
        {{ url_location('sessions.landing_url') }} as landing_page,
        ledger.reason_code,
        coalesce(ledger.network_units, 0) as network_units,
        -- a contact's first conversion, so no filtered one, that no ad is credited with
        facts.conversion_number = 1
        and claims.contact_id is not null
        and credited.event_id is null as could_be_credited,
        claims.click_session_id is not null
        and claims.occurred_at
        <= claims.click_session_ended_at + interval '{{ setting("session_gap_minutes") }} minutes' as is_in_the_clicks_session
    from {{ ref('int_claims') }} as claims
    inner join {{ ref('int_claim_facts') }} as facts
        on claims.submission_id = facts.submission_id and {{ same_ad('claims', 'facts') }}
    left join {{ ref('fct_form_submissions') }} as submissions on claims.submission_id = submissions.submission_id
    left join {{ ref('fct_sessions') }} as sessions on claims.click_session_id = sessions.session_id
    left join ledger on claims.submission_id = ledger.submission_id and {{ same_ad('claims', 'ledger') }}
    left join credited on claims.submission_id = credited.event_id
    where claims.occurred_at > {{ as_of() }} - to_days({{ setting("actions_days") }})
),

-- how many visitors of tagged ads keep a cookie, where nothing else is in the way: of those who convert on the page they
-- land on, as without a cookie only that page's URL names the ad
cookies as (
    select
        coalesce(
            count(distinct contact_id) filter (where is_tracked)
            / nullif(count(distinct contact_id), 0),
            1
        ) as kept
    from claims
    where
        event_type = 'form_submission'
        and conversion_number = 1
        and not is_filtered
        and not lacks_parameters
        and not page_lacks_code
        and not is_form_context_missing
        and (
            claim_source = 'submission_url'
            or (landing_page = form_page and (click_session_id = session_id or tracking_evidence = 'open_page'))
        )
),

pages as (
    select
        url,
        coalesce(final_url, url) as final_url,
        {{ lacks_own_code() }} as lacks_code,
        list_contains(tags, 'issue:redirect_drops_parameters') as drops_parameters
    from {{ ref('landing_page_snapshots') }}
    qualify row_number() over (partition by url order by fetched_at desc) = 1
),

-- several addresses of a page are one place to mend
bare_pages as (
    select
        location,
        min(url) as url
    from (
        select
            url,
            {{ url_location('unnest(list_distinct([url, final_url]))') }} as location
        from pages
        where lacks_code
    ) as located
    group by location
    union all
    -- looked at by nobody: what the forms sent from it tell
    select
        form_page as location,
        min(form_url) as url
    from claims
    where page_code_evidence = 'no_view_recorded'
    group by form_page
    having form_page not in (
        select {{ url_location('unnest(list_distinct([pages.url, pages.final_url]))') }} as location
        from pages
        where pages.lacks_code
    )
),

-- a campaign's clicks arrive on a page by a redirect where none of its ads leads there directly
redirects as (
    select
        campaign_pages.network,
        campaign_pages.account_id,
        campaign_pages.campaign_id,
        {{ url_location('pages.final_url') }} as location,
        min(pages.url) as url
    from {{ ref('int_campaign_pages') }} as campaign_pages
    inner join {{ ref('stg_landing_pages__urls') }} as urls
        on campaign_pages.network = urls.source and campaign_pages.url = urls.final_url
    inner join pages on urls.url = pages.url
    group by all
    having bool_and(pages.drops_parameters)
),

-- whether any visit by an ad of the account carries HubSpot's parameters lately
accounts as (
    select
        named.network,
        named.account_id,
        bool_or(named.named_by in ('hsa', 'drilldown')) as has_parameters
    from {{ ref('int_named_campaigns') }} as named
    inner join {{ ref('fct_sessions') }} as sessions on named.landing_id = sessions.session_id
    where
        named.claim_source = 'click_session'
        and sessions.started_at > {{ as_of() }} - to_days({{ setting("actions_still_seen_days") }})
    group by named.network, named.account_id
),

met as (
    select
        claims.network,
        claims.account_id,
        claims.campaign_id,
        'landing_page' as subject_type,
        bare_pages.url as subject_id,
        'no_tracking_code' as cause,
        case
            when
                claims.could_be_credited
                and not claims.lacks_parameters
                and claims.claim_source = 'submission_url'
                then claims.contact_id
        end as gained,
        -- whoever is known from another page has a cookie
        case when claims.is_tracked then 1 else cookies.kept end as chance,
        case when claims.reason_code = 'no_tracking_code' then claims.network_units else 0 end as network_units,
        claims.occurred_at,
        claims.submission_id,
        claims.page_code_evidence = 'snapshot' as still_holds,
        claims.page_code_evidence = 'no_view_recorded' as is_inferred
    from claims
    inner join bare_pages on claims.form_page = bare_pages.location
    cross join cookies
    where
        claims.page_lacks_code
        and (not coalesce(claims.is_tracked, false) or claims.claim_source = 'submission_url')
    union all by name
    select
        claims.network,
        claims.account_id,
        claims.campaign_id,
        'form' as subject_type,
        claims.form_id as subject_id,
        'form_context_missing' as cause,
        case
            when
                claims.could_be_credited
                and not claims.lacks_parameters
                and (claims.claim_source = 'submission_url' or claims.is_in_the_clicks_session)
                then claims.contact_id
        end as gained,
        case when claims.claim_source = 'submission_url' then cookies.kept else 1 end as chance,
        case when claims.reason_code = 'form_context_missing' then claims.network_units else 0 end as network_units,
        claims.occurred_at,
        claims.submission_id,
        false as still_holds
    from claims
    cross join cookies
    where
        claims.event_type = 'form_submission'
        and claims.is_form_context_missing
        and not claims.page_lacks_code
        and not coalesce(claims.is_tracked, false)
    union all by name
    select
        claims.network,
        claims.account_id,
        claims.campaign_id,
        case
            when redirects.url is not null then 'landing_page'
            when
                claims.is_untrackable_ad_type
                or claims.overriding_templates is not null
                or coalesce(accounts.has_parameters, false)
                then 'campaign'
            else 'ad_account'
        end as subject_type,
        case
            when redirects.url is not null then redirects.url
            when
                claims.is_untrackable_ad_type
                or claims.overriding_templates is not null
                or coalesce(accounts.has_parameters, false)
                then claims.campaign_id
            else claims.account_id
        end as subject_id,
        case
            when redirects.url is not null then 'redirect_drops_parameters'
            when claims.is_untrackable_ad_type then 'untrackable_ad_type'
            else 'auto_tracking_off'
        end as cause,
        case
            when claims.could_be_credited and claims.click_session_id = claims.session_id
                then claims.contact_id
        end as gained,
        1 as chance,
        case
            when claims.reason_code in ('auto_tracking_off', 'untrackable_ad_type') then claims.network_units else 0
        end as network_units,
        claims.occurred_at,
        claims.submission_id,
        false as still_holds,
        claims.overriding_templates
    from claims
    left join redirects on {{ same_campaign('claims', 'redirects') }} and claims.landing_page = redirects.location
    left join accounts on claims.network = accounts.network and claims.account_id = accounts.account_id
    where claims.lacks_parameters and claims.is_tracked
    union all by name
    select
        claims.network,
        claims.account_id,
        claims.campaign_id,
        'lead_form' as subject_type,
        claims.form_id as subject_id,
        'lead_not_synced' as cause,
        -- an address counts once, and only where HubSpot knows no conversion of its contact
        case
            when first_conversions.contact_id is null and credited_contacts.contact_id is null and not claims.is_test
                then coalesce(claims.contact_id, lead_addresses.email_hash, claims.submission_id)
        end as gained,
        1 as chance,
        case when claims.reason_code = 'lead_not_synced' then claims.network_units else 0 end as network_units,
        claims.occurred_at,
        claims.submission_id,
        false as still_holds
    from claims
    left join {{ ref('int_network_leads') }} as lead_addresses
        on
            claims.network = lead_addresses.network
            and claims.submission_id = concat_ws(':', lead_addresses.network, 'lead', lead_addresses.lead_id)
    left join {{ ref('fct_first_conversions') }} as first_conversions
        on claims.contact_id = first_conversions.contact_id and claims.occurred_at >= first_conversions.converted_at
    -- whom the account is credited with by a later conversion it does not gain
    left join credited_contacts
        on
            claims.network = credited_contacts.network
            and claims.account_id = credited_contacts.account_id
            and claims.contact_id = credited_contacts.contact_id
    where claims.is_lead_without_submission
),

-- a contact is gained once, however many of its events and campaigns show it
subjects as (
    select
        network,
        account_id,
        subject_type,
        subject_id,
        cause,
        case when count(distinct campaign_id) = 1 then any_value(campaign_id) end as campaign_id,
        list_sort(list(distinct campaign_id)) as campaign_ids,
        sum(chance) filter (where is_first_gain) as contacts_gained,
        sum(network_units) as network_units,
        count(distinct submission_id) as events,
        min(occurred_at) as first_met_at,
        max(occurred_at) as last_met_at,
        min(chance) as least_chance,
        coalesce(bool_or(is_inferred), false) as is_inferred,
        any_value(overriding_templates) as overriding_templates,
        list_sort(list(distinct submission_id))[1:5] as event_ids
    from (
        select
            *,
            gained is not null
            and row_number() over (
                partition by network, account_id, subject_type, subject_id, cause, gained
                order by chance desc, occurred_at asc, submission_id asc
            ) = 1 as is_first_gain
        from met
    ) as gains
    group by network, account_id, subject_type, subject_id, cause
    having bool_or(still_holds) or max(occurred_at) > {{ as_of() }} - to_days({{ setting("actions_still_seen_days") }})
),

-- what counts every submission of a person, where one contact is all HubSpot shows
counted_twice as (
    select
        claims.network,
        claims.account_id,
        case when count(distinct claims.campaign_id) = 1 then any_value(claims.campaign_id) end as campaign_id,
        list_sort(list(distinct claims.campaign_id)) as campaign_ids,
        'conversion_action' as subject_type,
        actions.conversion_action_id as subject_id,
        'repeat_submission' as cause,
        cast(0 as double) as contacts_gained,
        sum(claims.network_units) as network_units,
        count(distinct claims.submission_id) as events,
        min(claims.occurred_at) as first_met_at,
        max(claims.occurred_at) as last_met_at,
        cast(1 as double) as least_chance,
        list_sort(list(distinct claims.submission_id))[1:5] as event_ids
    from claims
    inner join (
        select
            *,
            count(*) over (partition by network, account_id) = 1 as is_only_action
        from {{ ref('int_conversion_actions') }}
        where counts_every and is_in_headline and coalesce(is_form, true) and valid_until = date '9999-12-31'
    ) as actions
        on
            claims.network = actions.network
            and claims.account_id = actions.account_id
            and (claims.form_id = actions.form_id or (actions.form_id is null and actions.is_only_action))
    where claims.reason_code = 'repeat_submission' and claims.network_units > 0
    group by claims.network, claims.account_id, actions.conversion_action_id
),

listed as (
    select * from subjects
    union all by name
    select * from counted_twice
),

spend as (
    select
        network,
        account_id,
        campaign_id,
        sum(spend_home) as spend_home
    from {{ ref('fct_ad_performance_daily') }}
    where date > cast({{ as_of() }} at time zone 'UTC' as date) - {{ setting("actions_days") }}
    group by network, account_id, campaign_id
),

spent as (
    select
        campaigns.network,
        campaigns.account_id,
        campaigns.subject_type,
        campaigns.subject_id,
        campaigns.cause,
        sum(spend.spend_home) as spend_home
    from (
        select
            network,
            account_id,
            subject_type,
            subject_id,
            cause,
            unnest(campaign_ids) as campaign_id
        from listed
    ) as campaigns
    left join spend on {{ same_campaign('campaigns', 'spend') }}
    group by campaigns.network, campaigns.account_id, campaigns.subject_type, campaigns.subject_id, campaigns.cause
)

select
    listed.network,
    listed.account_id,
    listed.campaign_id,
    listed.subject_type,
    listed.subject_id,
    listed.cause,
    cast(
        row_number() over (
            partition by listed.network, listed.account_id
            order by
                listed.contacts_gained desc nulls last,
                spent.spend_home desc nulls last,
                listed.network_units desc,
                listed.cause asc,
                listed.subject_id asc
        ) as integer
    ) as rank,
    cast(coalesce(listed.contacts_gained, 0) as decimal(18, 6)) as contacts_gained,
    cast(listed.network_units as decimal(18, 6)) as network_units,
    cast(spent.spend_home as decimal(18, 6)) as spend_home,
    case listed.cause
        when 'no_tracking_code'
            then
                case
                    when listed.is_inferred
                        then
                            'Forms come from this page, and HubSpot never recorded a view of it: look whether its tracking code'
                            || ' is there. '
                    else ''
                end
                || 'Install the HubSpot tracking code on ' || listed.subject_id || ' (HubSpot: Settings > Tracking code).'
        when 'form_context_missing'
            then
                'Pass the tracking cookie and the page URL (context.hutk, context.pageUri) when form ' || listed.subject_id
                || ' is sent through the Forms API, or embed the HubSpot form.'
        when 'redirect_drops_parameters'
            then 'Let the redirect of ' || listed.subject_id || ' keep the query, or point the ads at its target.'
        when 'untrackable_ad_type'
            then
                'HubSpot does not tag ads of this type: add its hsa_* parameters to the final URL suffix of campaign '
                || listed.subject_id || ' by hand, or expect no contacts from it.'
        when 'auto_tracking_off'
            then coalesce(
                'Remove the tracking template of ' || array_to_string(listed.overriding_templates, ', ')
                || ' in Google Ads: it overrides HubSpot''s, so that clicks of campaign ' || listed.subject_id
                || ' carry no hsa_* parameters. Earlier clicks stay uncredited.',
                'Switch on auto-tracking in HubSpot (Settings > Marketing > Ads > Accounts) for '
                || case listed.subject_type when 'ad_account' then 'ad account ' else 'the ads of campaign ' end
                || listed.subject_id || ': its clicks carry no hsa_* parameters. Earlier clicks stay uncredited.'
            )
        when 'lead_not_synced'
            then
                'Repair lead syncing of lead form ' || listed.subject_id
                || ' (HubSpot: Settings > Marketing > Ads > Lead syncing), before the network deletes its leads.'
        when 'repeat_submission'
            then
                'Let conversion action ' || listed.subject_id
                || ' count one conversion per click: it counts every submission of a person whom HubSpot counts once.'
    end as advice,
    case when listed.is_inferred then 'inferred' else 'row' end as evidence_class,
    json_object(
        'events', listed.events,
        'first_met_at', listed.first_met_at,
        'last_met_at', listed.last_met_at,
        'share_of_visitors_with_cookie', case when listed.least_chance < 1 then round(listed.least_chance, 4) end,
        'campaign_ids', listed.campaign_ids,
        'event_ids', listed.event_ids
    ) as evidence
from listed
left join spent
    on
        listed.network = spent.network
        and listed.account_id = spent.account_id
        and listed.subject_type = spent.subject_type
        and listed.subject_id = spent.subject_id
        and listed.cause = spent.cause
where listed.contacts_gained > 0 or listed.network_units > 0
