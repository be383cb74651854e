with landings as (
    select
        'click_session' as claim_source,
        session_id as landing_id,
        landing_url as url,
        {{ tagged_url('landing_url') }} as tagged_url,
        click_id_type,
        click_id
    from {{ ref('int_sessions') }}
    where is_tracked_visit and (is_ad_click or click_id is not null)
    union all
    -- without a cookie the click left no session, yet the page URL still names its ad (vector A6)
    select
        'submission_url' as claim_source,
        submission_id as landing_id,
        page_url as url,
        {{ tagged_url('page_url') }} as tagged_url,
        {{ click_id_type(tagged_url('page_url')) }} as click_id_type,
        {{ click_id(tagged_url('page_url')) }} as click_id
    from {{ ref('fct_form_submissions') }}
    where form_type != 'lead_ad' and not coalesce(is_tracked, false) and contains(page_url, '?')
),

parameters as (
    select
        *,
        {{ hsa_columns('tagged_url') }},
        lower({{ url_param('tagged_url', 'utm_campaign') }}) as utm_campaign,
        {{ url_id_param('tagged_url', 'utm_id') }} as utm_id,
        {{ url_location('url') }} as location,
        {{ click_network() }} as click_network
    from landings
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
    inner join {{ ref('stg_landing_pages__urls') }} as urls
        on pages.network = urls.source and pages.url = urls.final_url
    inner join {{ ref('stg_landing_pages__snapshots') }} as snapshots on urls.url = snapshots.url
    where snapshots.final_url is not null
),

-- what a campaign may be known by, besides HubSpot's parameters and the click itself
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

rungs as (
    select
        claim_source,
        landing_id,
        1 as position,
        'hsa' as named_by,
        hsa_network as network,
        hsa_account_id as account_id,
        hsa_campaign_id as campaign_id,
        hsa_ad_group_id as ad_group_id,
        hsa_ad_id as ad_id
    from parameters
    where hsa_network is not null and hsa_account_id is not null and hsa_campaign_id is not null
    union all by name
    select
        parameters.claim_source,
        parameters.landing_id,
        2 as position,
        'click_view' as named_by,
        'google_ads' as network,
        clicks.account_id,
        clicks.campaign_id,
        clicks.ad_group_id,
        clicks.ad_id
    from parameters
    inner join {{ ref('int_click_ids') }} as clicks on parameters.click_id = clicks.google_click_id
    where parameters.click_id_type = 'gclid'
    union all by name
    select
        parameters.claim_source,
        parameters.landing_id,
        case unique_names.kind when 'utm_id' then 3 when 'utm_campaign' then 4 else 5 end as position,
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
        where click_network is not null
    ) as parameters
    inner join unique_names
        on
            parameters.click_network = unique_names.network
            and parameters.entry.key = unique_names.kind
            and parameters.entry.value = unique_names.name
)

select
    rungs.claim_source,
    rungs.landing_id,
    rungs.named_by,
    {{ ad_key('rungs.') }},
    parameters.click_id_type,
    -- the very click that the network lists for that campaign
    coalesce(clicks.campaign_id = rungs.campaign_id, false) as is_exact_click
from rungs
inner join parameters on rungs.claim_source = parameters.claim_source and rungs.landing_id = parameters.landing_id
left join {{ ref('int_click_ids') }} as clicks
    on parameters.click_id_type = 'gclid' and parameters.click_id = clicks.google_click_id
qualify row_number() over (partition by rungs.claim_source, rungs.landing_id order by rungs.position) = 1
