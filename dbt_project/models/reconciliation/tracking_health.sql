-- what keeps HubSpot from naming an ad's clicks: on the page it leads to, in the parameters its clicks arrive with, in its type.
-- Clicks speak for themselves; a fault seen once and gone since is none.
with ads as (
    select
        ads.network,
        ads.account_id,
        ads.campaign_id,
        ads.ad_group_id,
        ads.ad_id,
        ads.is_lead_ad,
        ads.final_url,
        campaigns.campaign_name,
        campaigns.campaign_type,
        types.is_always as is_never_tracked,
        types.campaign_type is not null as is_untrackable_type
    from {{ ref('dim_ad') }} as ads
    left join {{ ref('dim_campaign') }} as campaigns on {{ same_campaign('ads', 'campaigns') }}
    left join {{ ref('untrackable_ad_types') }} as types
        on ads.network = types.network and campaigns.campaign_type = types.campaign_type
    where not ads.is_deleted
),

links as (
    select
        network,
        account_id,
        ad_id,
        url as link
    from {{ ref('int_ad_pages') }}
    where ad_id is not null
),

-- the page as the API names it, else as the ad's clicks arrived
ad_links as (
    select
        network,
        account_id,
        ad_id,
        network as source,
        link
    from links
    union all by name
    select
        network,
        account_id,
        ad_id,
        'hubspot' as source,
        arg_max(split_part(landing_url, '?', 1), started_at) as link
    from {{ ref('fct_sessions') }}
    where is_ad_click and ad_id is not null
    group by network, account_id, ad_id
    having (network, account_id, ad_id) not in (select (links.network, links.account_id, links.ad_id) from links)
),

snapshots as (
    select
        snapshots.*,
        {{ url_location('coalesce(snapshots.final_url, snapshots.url)') }} as location,
        len(list_filter(snapshots.forms, lambda form: starts_with(json_extract_string(form, '$.kind'), 'hubspot'))) > 0
            as has_hubspot_form,
        len(
            list_filter(
                snapshots.forms,
                lambda form: coalesce(try_cast(json_extract_string(form, '$.has_email_field') as boolean), false)
            )
        ) > 0 as has_other_form
    from {{ ref('landing_page_snapshots') }} as snapshots
    qualify row_number() over (partition by snapshots.url order by snapshots.fetched_at desc) = 1
),

pages as (
    select
        ads.network,
        ads.account_id,
        ads.ad_id,
        ad_links.link,
        coalesce(urls.url, split_part(ad_links.link, '?', 1)) as landing_url,
        {{ url_location('ad_links.link') }} as link_location,
        snapshots.* exclude (url)
    from ads
    inner join ad_links
        on ads.network = ad_links.network and ads.account_id = ad_links.account_id and ads.ad_id = ad_links.ad_id
    left join {{ ref('stg_landing_pages__urls') }} as urls
        on ad_links.source = urls.source and ad_links.link = urls.final_url
    left join snapshots on urls.url = snapshots.url
    -- a lead ad has its form on the network
    where not ads.is_lead_ad
),

submissions as (
    select
        {{ url_location('submissions.page_url') }} as location,
        {{ url_location('sessions.landing_url') }} as landing_location
    from {{ ref('fct_form_submissions') }} as submissions
    left join {{ ref('fct_sessions') }} as sessions on submissions.session_id = sessions.session_id
    where
        submissions.form_type != 'lead_ad'
        and submissions.submitted_at >= {{ as_of() }} - to_days({{ setting('tracking_health_days') }})
),

page_issues as (
    select
        *,
        unnest([
            case when list_contains(tags, 'issue:tracking_code_missing') then 'tracking_code_missing' end,
            case when list_contains(tags, 'issue:tracking_code_other_portal') then 'tracking_code_other_portal' end,
            case when list_contains(tags, 'issue:page_unreachable') then 'page_unreachable' end,
            case when list_contains(tags, 'issue:redirect_drops_parameters') then 'redirect_drops_parameters' end,
            case
                when
                    error is null and http_status = 200 and not has_hubspot_form and evidence != 'rendered_by_script'
                    -- what HubSpot received from there has a form, whatever the HTML says
                    and location not in (select submissions.location from submissions where submissions.location is not null)
                    -- without any form, the visit may convert on the next page
                    and (
                        has_other_form
                        or location not in (
                            select submissions.landing_location from submissions where submissions.landing_location is not null
                        )
                    )
                    then 'no_hubspot_form'
            end
        ]) as issue_code
    from pages
    where snapshot_id is not null
),

-- a visit of the last days that an ad led to, as its landing URL tells
arrivals as (
    select
        session_id,
        started_at,
        hsa_network is not null and hsa_campaign_id is not null as is_tagged,
        hsa_account_id,
        hsa_campaign_id,
        hsa_ad_group_id,
        hsa_ad_id,
        coalesce(
            hsa_network,
            click_network,
            case
                when regexp_matches(lower(utm_medium), 'paid|ppc|cpc')
                    then
                        case
                            when lower(utm_source) in ('google', 'adwords') then 'google_ads'
                            when lower(utm_source) in ('facebook', 'fb', 'instagram', 'ig') then 'facebook_ads'
                            when lower(utm_source) = 'linkedin' then 'linkedin_ads'
                        end
            end
        ) as network,
        case when ad_evidence = 'click_view' then ad_id end as clicked_ad_id,
        case when ad_evidence in ('click_view', 'gad_campaignid') then campaign_id end as clicked_campaign_id,
        utm_campaign,
        {{ url_param('landing_url', 'utm_id') }} as utm_id,
        {{ url_location('landing_url') }} as location
    from (
        select
            sessions.*,
            {{ hsa_columns(tagged_url('sessions.landing_url')) }},
            types.network as click_network
        from {{ ref('fct_sessions') }} as sessions
        left join {{ ref('click_id_parameters') }} as types on sessions.click_id_type = types.parameter
        where
            sessions.started_at >= {{ as_of() }} - to_days({{ setting('tracking_health_days') }})
            and sessions.landing_url is not null
    ) as sessions
),

-- an untagged click names its ad through click_view, or its campaign by utm_*, or by a page that no other campaign leads to;
-- a tie names none
campaign_names as (
    select
        network,
        campaign_id,
        campaign_id as name
    from {{ ref('dim_campaign') }}
    union
    select
        network,
        campaign_id,
        lower(campaign_name) as name
    from {{ ref('dim_campaign') }}
    where campaign_name is not null
),

by_utm as (
    select
        arrivals.session_id,
        min(names.campaign_id) as campaign_id,
        count(distinct names.campaign_id) as campaigns
    from (
        select
            session_id,
            network,
            unnest([utm_id, lower(utm_campaign)]) as name
        from arrivals
        where not is_tagged
    ) as arrivals
    inner join campaign_names as names on arrivals.network = names.network and arrivals.name = names.name
    group by arrivals.session_id
),

by_page as (
    select
        pages.network,
        pages.link_location,
        min(ads.campaign_id) as campaign_id
    from pages
    inner join ads on pages.network = ads.network and pages.account_id = ads.account_id and pages.ad_id = ads.ad_id
    group by pages.network, pages.link_location
    having count(distinct ads.campaign_id) = 1
),

named as (
    select
        arrivals.started_at,
        arrivals.network,
        arrivals.location,
        arrivals.clicked_ad_id,
        coalesce(
            arrivals.clicked_campaign_id,
            case when by_utm.campaigns = 1 then by_utm.campaign_id end,
            case when by_utm.campaigns is null then by_page.campaign_id end
        ) as campaign_id
    from arrivals
    left join by_utm on arrivals.session_id = by_utm.session_id
    left join by_page on arrivals.network = by_page.network and arrivals.location = by_page.link_location
    where not arrivals.is_tagged and arrivals.network is not null
),

-- the ads that a tagged click could mean: by any of its ids at any level, or by the campaign alone
meant as (
    select
        keys.session_id,
        ads.account_id,
        ads.ad_id
    from (
        select
            session_id,
            network,
            unnest([hsa_ad_id, hsa_ad_group_id, hsa_campaign_id]) as id
        from arrivals
        where is_tagged
    ) as keys
    inner join ads on keys.network = ads.network and keys.id = ads.ad_id
    union
    select
        keys.session_id,
        ads.account_id,
        ads.ad_id
    from (
        select
            session_id,
            network,
            unnest([hsa_campaign_id, hsa_ad_id]) as id
        from arrivals
        where is_tagged
    ) as keys
    inner join ads on keys.network = ads.network and keys.id = ads.ad_group_id
    union
    select
        arrivals.session_id,
        ads.account_id,
        ads.ad_id
    from arrivals
    inner join ads on arrivals.network = ads.network and arrivals.hsa_campaign_id = ads.campaign_id
    where arrivals.is_tagged and arrivals.hsa_ad_id is null
),

-- what arrived of each ad, and of its campaign where a click names no more; each with the instant of the latest
ad_arrivals as (
    select
        ads.network,
        ads.account_id,
        ads.ad_id,
        arrivals.started_at,
        case
            when
                arrivals.hsa_account_id = ads.account_id
                and arrivals.hsa_campaign_id = ads.campaign_id
                and coalesce(arrivals.hsa_ad_group_id = ads.ad_group_id, true)
                and coalesce(arrivals.hsa_ad_id = ads.ad_id, true)
                then 'right'
            else 'wrong'
        end as arrival
    from arrivals
    inner join meant on arrivals.session_id = meant.session_id
    inner join ads
        on arrivals.network = ads.network and meant.account_id = ads.account_id and meant.ad_id = ads.ad_id
    union all by name
    select
        ads.network,
        ads.account_id,
        ads.ad_id,
        named.started_at,
        'untagged' as arrival
    from named
    inner join ads on named.network = ads.network and named.clicked_ad_id = ads.ad_id
),

campaign_arrivals as (
    select
        network,
        hsa_campaign_id as campaign_id,
        location,
        started_at,
        true as is_tagged
    from arrivals
    where is_tagged
    union all by name
    select
        network,
        campaign_id,
        location,
        started_at,
        false as is_tagged
    from named
    where campaign_id is not null and clicked_ad_id is null
),

counts as (
    select
        ads.*,
        coalesce(of_ad.right_clicks, 0) as right_clicks,
        coalesce(of_ad.wrong_clicks, 0) as wrong_clicks,
        coalesce(of_ad.wrong_clicks > of_ad.right_clicks and of_ad.last_wrong, false) as is_wrong,
        case when of_ad.untagged_clicks > of_ad.right_clicks and of_ad.last_untagged then of_ad.untagged_clicks else 0 end
            as untagged_clicks,
        -- which ad of the campaign it was is not known: not one whose clicks arrive as they should
        case
            when
                of_campaign.untagged_clicks > of_campaign.tagged_clicks and of_campaign.last_untagged
                and coalesce(of_ad.right_clicks, 0) = 0
                then of_campaign.untagged_clicks
            else 0
        end as untagged_campaign_clicks
    from ads
    left join (
        select
            network,
            account_id,
            ad_id,
            count_if(arrival = 'right') as right_clicks,
            count_if(arrival = 'wrong') as wrong_clicks,
            count_if(arrival = 'untagged') as untagged_clicks,
            arg_max(arrival, started_at) = 'wrong' as last_wrong,
            arg_max(arrival, started_at) = 'untagged' as last_untagged
        from ad_arrivals
        group by network, account_id, ad_id
    ) as of_ad
        on ads.network = of_ad.network and ads.account_id = of_ad.account_id and ads.ad_id = of_ad.ad_id
    left join (
        select
            pages.network,
            pages.account_id,
            pages.ad_id,
            count_if(arrivals.is_tagged) as tagged_clicks,
            count_if(not arrivals.is_tagged) as untagged_clicks,
            not arg_max(arrivals.is_tagged, arrivals.started_at) as last_untagged
        from (
            select distinct
                pages.network,
                pages.account_id,
                pages.ad_id,
                ads.campaign_id,
                pages.link_location
            from pages
            inner join ads on pages.network = ads.network and pages.account_id = ads.account_id and pages.ad_id = ads.ad_id
        ) as pages
        inner join campaign_arrivals as arrivals
            on
                pages.network = arrivals.network
                and pages.campaign_id = arrivals.campaign_id
                and pages.link_location = arrivals.location
        group by pages.network, pages.account_id, pages.ad_id
    ) as of_campaign
        on ads.network = of_campaign.network and ads.account_id = of_campaign.account_id and ads.ad_id = of_campaign.ad_id
),

-- ids that stand in the ad's own link
wrong_links as (
    select
        ads.network,
        ads.account_id,
        ads.ad_id,
        min(links.link) as link
    from ads
    inner join (
        select
            *,
            {{ hsa_columns(tagged_url('link')) }}
        from links
    ) as links
        on ads.network = links.network and ads.account_id = links.account_id and ads.ad_id = links.ad_id
    where
        links.hsa_campaign_id is not null
        and not (
            links.hsa_network is not distinct from ads.network
            and links.hsa_account_id is not distinct from ads.account_id
            and links.hsa_campaign_id = ads.campaign_id
            and coalesce(links.hsa_ad_group_id = ads.ad_group_id, true)
            and coalesce(links.hsa_ad_id = ads.ad_id, true)
        )
    group by ads.network, ads.account_id, ads.ad_id
),

ad_issues as (
    select
        counts.*,
        case
            when counts.untagged_clicks > 0 then counts.untagged_clicks || ' clicks of this ad'
            else counts.untagged_campaign_clicks || ' clicks of this ad''s campaign on its page'
        end || ' arrived without hsa_* in the last {{ setting("tracking_health_days") }} days, the latest among them.'
            as untagged,
        unnest([
            case
                when counts.wrong_clicks > 0 and counts.is_wrong then 'auto_tracking_parameters_wrong_level'
                when wrong_links.link is not null then 'auto_tracking_parameters_wrong_level'
            end,
            case
                when counts.is_lead_ad then null
                when counts.is_never_tracked and counts.right_clicks = 0 then 'ad_type_untrackable'
                -- a redirect that loses them is the cause by itself
                when
                    counts.untagged_clicks + counts.untagged_campaign_clicks > 0
                    and not exists (
                        select 1
                        from pages
                        where
                            pages.network = counts.network
                            and pages.account_id = counts.account_id
                            and pages.ad_id = counts.ad_id
                            and list_contains(pages.dropped_parameters, 'hsa_cam')
                    )
                    then
                        case
                            when counts.is_untrackable_type then 'ad_type_untrackable'
                            else 'auto_tracking_parameters_missing'
                        end
            end
        ]) as issue_code
    from counts
    left join wrong_links
        on
            counts.network = wrong_links.network
            and counts.account_id = wrong_links.account_id
            and counts.ad_id = wrong_links.ad_id
),

issues as (
    select
        network,
        account_id,
        ad_id,
        issue_code,
        landing_url,
        fetched_at as checked_at,
        snapshot_id,
        case issue_code
            when 'tracking_code_missing'
                then
                    'The HubSpot tracking code is not on the page, nor anything that could bring it: HubSpot sees no visit there.'
                    || ' Add the tracking code to the page.'
            when 'tracking_code_other_portal'
                then
                    'The tracking code on the page reports to portal ' || coalesce(portal_id, 'unknown')
                    || ', which is not yours. Replace it by your own portal''s code.'
            when 'page_unreachable'
                then
                    'The page could not be read: ' || coalesce(detail, error, 'unknown error')
                    || '. Open it as a visitor does, and let the ad lead to a page that answers.'
            when 'redirect_drops_parameters'
                then
                    'On the way to ' || coalesce(final_url, 'the page') || ' the redirects lose '
                    || array_to_string(dropped_parameters, ', ')
                    || ', so that HubSpot cannot name the ad. Let the ad lead there directly, or keep the query when redirecting.'
            when 'no_hubspot_form'
                then
                    case
                        when has_other_form then 'The page''s form is none of HubSpot''s, and HubSpot received nothing from it'
                        else 'The page has no form, and HubSpot received nothing from visits that started there'
                    end
                    || ' in {{ setting("tracking_health_days") }} days. Use a HubSpot form, or send the form''s entries through'
                    || ' HubSpot''s Forms API with page URL and visitor cookie.'
        end as detail
    from page_issues
    where issue_code is not null
    union all by name
    select
        network,
        account_id,
        ad_id,
        issue_code,
        {{ as_of() }} as checked_at,
        case
            when issue_code = 'auto_tracking_parameters_wrong_level' and wrong_clicks > 0 and is_wrong
                then
                    wrong_clicks || ' visits of the last {{ setting("tracking_health_days") }} days carry hsa_* ids'
                    || ' that are not this ad''s account, campaign, ad group and ad. Correct the tracking parameters'
                    || case
                        when network = 'linkedin_ads'
                            then ': hsa_cam is the campaign group, hsa_grp the campaign, hsa_ad the creative.'
                        else ': hsa_acc, hsa_cam, hsa_grp and hsa_ad are the ids of account, campaign, ad group and ad.'
                    end
            when issue_code = 'auto_tracking_parameters_wrong_level'
                then
                    'The ad''s link carries hsa_* ids that are not its own, as a copied ad does.'
                    || ' Remove them and let HubSpot''s auto-tracking set them again.'
            when issue_code = 'ad_type_untrackable' and is_never_tracked
                then
                    'HubSpot cannot track ads of ' || campaign_type || ' campaigns: their clicks name neither campaign nor ad.'
                    || ' Put hsa_* parameters into the final URL suffix by hand, or read this campaign by the network''s figures.'
            when issue_code = 'ad_type_untrackable'
                then
                    untagged || ' HubSpot tracks ' || campaign_type || ' campaigns only where no ad group and no ad'
                    || ' overrides the tracking: remove the override.'
            else
                untagged || ' Turn on auto-tracking for this account in HubSpot, or see what overrides it.'
        end as detail
    from ad_issues
    where issue_code is not null
),

-- an ad may lead to several pages with the same fault: one stands for them
shown as (
    select *
    from issues
    qualify row_number() over (partition by network, account_id, ad_id, issue_code order by landing_url) = 1
),

first_pages as (
    select
        network,
        account_id,
        ad_id,
        arg_min(landing_url, landing_url) as landing_url,
        arg_min(snapshot_id, landing_url) as snapshot_id,
        max(fetched_at) as fetched_at
    from pages
    group by network, account_id, ad_id
)

select
    ads.network,
    ads.account_id,
    ads.campaign_id,
    ads.ad_group_id,
    ads.ad_id,
    coalesce(shown.issue_code, 'none') as issue_code,
    coalesce(shown.landing_url, first_pages.landing_url) as landing_url,
    coalesce(shown.checked_at, first_pages.fetched_at, {{ as_of() }}) as checked_at,
    coalesce(
        shown.detail,
        case
            when ads.is_lead_ad then 'A lead ad: its form is on the network. See lead_sync.'
            when first_pages.snapshot_id is null then 'Nothing wrong was seen; its page has not been looked at.'
            else 'Nothing wrong was seen.'
        end
    ) as detail,
    case when shown.issue_code is null then first_pages.snapshot_id else shown.snapshot_id end as snapshot_id
from ads
left join shown
    on ads.network = shown.network and ads.account_id = shown.account_id and ads.ad_id = shown.ad_id
left join first_pages
    on ads.network = first_pages.network and ads.account_id = first_pages.account_id and ads.ad_id = first_pages.ad_id
