with parsed as (
    select
        submissions.submission_id,
        submissions.page_url,
        urls.* exclude (url)
    from {{ ref('int_submissions') }} as submissions
    inner join {{ ref('int_tagged_urls') }} as urls on submissions.page_url = urls.url
    where submissions.form_type != 'lead_ad'
),

landings as (
    select
        'click_session' as claim_source,
        session_id as landing_id,
        landing_page_url as url,
        click_ids,
        case when is_ad_click then match_method end as credited_by,
        network as hsa_network,
        account_id as hsa_account_id,
        campaign_id as hsa_campaign_id,
        ad_group_id as hsa_ad_group_id,
        ad_id as hsa_ad_id
    from {{ ref('int_sessions') }}
    where is_tracked_visit and (is_ad_click or len(click_ids) > 0 or google_campaign_id is not null)
    union all by name
    -- the URL identifies the click before the form; without a cookie it is the only trace of the click (vector A6)
    select
        'submission_url' as claim_source,
        parsed.submission_id as landing_id,
        parsed.page_url as url,
        parsed.click_ids,
        case
            when
                parsed.hsa_network is not null
                and parsed.hsa_account_id is not null
                and parsed.hsa_campaign_id is not null
                and not ({{ is_microsoft_click() }} and campaigns.campaign_id is null)
                then 'hsa'
        end as credited_by,
        parsed.hsa_network,
        parsed.hsa_account_id,
        parsed.hsa_campaign_id,
        parsed.hsa_ad_group_id,
        parsed.hsa_ad_id
    from parsed
    left join {{ ref('int_google_ads__campaign_accounts') }} as campaigns on parsed.hsa_campaign_id = campaigns.campaign_id
),

parameters as (
    select
        landings.*,
        lower(urls.utm_campaign) as utm_campaign,
        urls.utm_id,
        urls.gad_campaign_id,
        {{ url_location('landings.url') }} as location
    from landings
    left join {{ ref('int_tagged_urls') }} as urls on landings.url = urls.url
),

-- each click id of the landing page URL and its network, the most exact first
clicks as (
    select
        clicks.claim_source,
        clicks.landing_id,
        clicks.click.type as click_id_type,
        clicks.click.id as click_id,
        types.network,
        types.position
    from (
        select
            claim_source,
            landing_id,
            unnest(click_ids) as click
        from landings
    ) as clicks
    inner join {{ ref('click_id_parameters') }} as types on clicks.click.type = types.parameter
),

-- the networks of the click ids: a shared link may have several
click_networks as (
    select
        claim_source,
        landing_id,
        network,
        arg_min(click_id_type, position) as click_id_type,
        arg_min(click_id, position) as click_id,
        min(position) as position
    from clicks
    where network is not null
    group by claim_source, landing_id, network
),

listed_clicks as (
    {{ listed_clicks('landings', 'landing_id') }}
),

-- an ad may lead to a page behind redirects
pages as (
    select
        network,
        account_id,
        campaign_id,
        {{ url_location('url') }} as location
    from {{ ref('int_campaign_pages') }}
    union
    select
        pages.network,
        pages.account_id,
        pages.campaign_id,
        {{ url_location('snapshots.final_url') }} as location
    from {{ ref('int_campaign_pages') }} as pages
    inner join {{ ref('stg_landing_pages__snapshots') }} as snapshots on pages.landing_page_url = snapshots.url
    where snapshots.final_url is not null
),

-- other ways to find a campaign, besides HubSpot's parameters and the click itself
names as (
    select
        'utm_id' as kind,
        network,
        account_id,
        campaign_id,
        campaign_id as name
    from {{ ref('dim_campaign') }}
    union
    select
        'utm_campaign' as kind,
        network,
        account_id,
        campaign_id,
        lower(trim(campaign_name)) as name
    from {{ ref('dim_campaign') }}
    where trim(campaign_name) != ''
    union
    select
        'landing_page' as kind,
        network,
        account_id,
        campaign_id,
        location as name
    from pages
    where location is not null
),

unique_names as (
    select
        kind,
        network,
        name,
        any_value(account_id) as account_id,
        any_value(campaign_id) as campaign_id
    from names
    group by kind, network, name
    having count(*) = 1
),

named as (
    select
        claim_source,
        landing_id,
        1 as position,
        credited_by as named_by,
        hsa_network as network,
        hsa_account_id as account_id,
        hsa_campaign_id as campaign_id,
        hsa_ad_group_id as ad_group_id,
        hsa_ad_id as ad_id
    from parameters
    where credited_by is not null
    union all by name
    select
        landings.claim_source,
        landings.landing_id,
        2 as position,
        'click_view' as named_by,
        'google_ads' as network,
        clicks.account_id,
        clicks.campaign_id,
        clicks.ad_group_id,
        clicks.ad_id
    from landings
    inner join listed_clicks as clicks on landings.landing_id = clicks.landing_id
    union all by name
    -- on every Google click since 2025: https://support.google.com/google-ads/answer/16193746
    select
        parameters.claim_source,
        parameters.landing_id,
        3 as position,
        'gad_campaignid' as named_by,
        'google_ads' as network,
        campaigns.account_id,
        campaigns.campaign_id
    from parameters
    inner join {{ ref('int_google_ads__campaign_accounts') }} as campaigns on parameters.gad_campaign_id = campaigns.campaign_id
    union all by name
    select
        parameters.claim_source,
        parameters.landing_id,
        case unique_names.kind when 'utm_id' then 4 when 'utm_campaign' then 5 else 6 end as position,
        case unique_names.kind when 'landing_page' then 'landing_page' else 'utm' end as named_by,
        unique_names.network,
        unique_names.account_id,
        unique_names.campaign_id
    from (
        select
            *,
            unnest(map_entries(map {
                'utm_id': utm_id, 'utm_campaign': trim(utm_campaign), 'landing_page': location
            })) as entry
        from parameters
    ) as parameters
    inner join click_networks
        on
            parameters.claim_source = click_networks.claim_source
            and parameters.landing_id = click_networks.landing_id
    inner join unique_names
        on
            click_networks.network = unique_names.network
            and parameters.entry.key = unique_names.kind
            and parameters.entry.value = unique_names.name
)

select
    named.claim_source,
    named.landing_id,
    named.named_by,
    {{ ad_key('named.') }},
    -- the network's own click id identifies the click
    networks.click_id_type,
    networks.click_id,
    -- a click that the network lists for that campaign
    coalesce(listed_clicks.campaign_id = named.campaign_id, false) as is_exact_click
from named
left join click_networks as networks
    on
        named.claim_source = networks.claim_source
        and named.landing_id = networks.landing_id
        and named.network = networks.network
left join listed_clicks on named.landing_id = listed_clicks.landing_id
qualify row_number() over (
    partition by named.claim_source, named.landing_id
    order by named.position, networks.position, named.campaign_id
) = 1
