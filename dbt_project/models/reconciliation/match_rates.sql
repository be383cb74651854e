with accounts as (
    select
        *,
        -- a click id identifies the network only; the account is unknown if the network has several
        count(*) over (partition by network) = 1 as is_only_account
    from {{ ref('int_accounts') }}
),

landings as (
    select
        sessions.*,
        urls.hsa_network,
        urls.hsa_account_id,
        urls.hsa_campaign_id,
        networks.network as click_network
    from {{ ref('int_sessions') }} as sessions
    left join {{ ref('int_tagged_urls') }} as urls on sessions.landing_page_url = urls.url
    left join (
        select
            clicks.session_id,
            arg_min(types.network, types.position) as network
        from (
            select
                session_id,
                unnest(click_ids) as click
            from {{ ref('int_sessions') }}
        ) as clicks
        inner join {{ ref('click_id_parameters') }} as types on clicks.click.type = types.parameter
        group by clicks.session_id
    ) as networks
        on sessions.session_id = networks.session_id
),

methods as (
    select
        started_at,
        case
            when hsa_campaign_id is not null then hsa_network
            when match_method in ('drilldown', 'gad_campaignid') then network
            else click_network
        end as network,
        case when hsa_campaign_id is not null then hsa_account_id else account_id end as account_id,
        case
            -- HubSpot's Google template imported into Microsoft Ads: the campaign is in no Google Ads account
            when hsa_campaign_id is not null and is_tracked_visit and not is_ad_click and google_campaign_id = hsa_campaign_id
                then 'hsa_unknown_campaign'
            when hsa_campaign_id is not null then 'hsa'
            when match_method is not null then match_method
            when list_contains(list_transform(click_ids, lambda click: click.type), 'gclid') then 'click_view'
            else 'click_id'
        end as match_method,
        match_method is not null as is_matched
    from landings
    where
        (hsa_network is not null and hsa_campaign_id is not null)
        or click_network is not null
        or match_method in ('drilldown', 'gad_campaignid')
),

arrived as (
    select
        methods.network,
        accounts.account_id,
        {{ day_in('methods.started_at', "coalesce(accounts.time_zone, 'UTC')") }} as date,
        methods.match_method,
        count(*) as sessions,
        cast(count_if(methods.is_matched) as bigint) as matched
    from methods
    left join accounts
        on
            methods.network = accounts.network
            and (methods.account_id = accounts.account_id or (methods.account_id is null and accounts.is_only_account))
    group by all
),

clicks as (
    select
        network,
        account_id,
        date,
        sum(clicks) as clicks
    from {{ ref('fct_ad_performance_daily') }}
    group by network, account_id, date
),

-- a method without sessions on a day with clicks also has a row
days as (
    select
        network,
        account_id,
        date,
        unnest(string_split({{ by_network('match_methods', 'network') }}, ' ')) as match_method
    from clicks
    where clicks > 0
    union
    select
        network,
        account_id,
        date,
        match_method
    from arrived
)

select
    days.network,
    days.account_id,
    days.date,
    days.match_method,
    cast(coalesce(clicks.clicks, 0) as bigint) as clicks,
    coalesce(arrived.sessions, 0) as sessions,
    coalesce(arrived.matched, 0) as matched
from days
left join clicks
    on days.network = clicks.network and days.account_id = clicks.account_id and days.date = clicks.date
left join arrived
    on
        days.network = arrived.network
        and days.account_id is not distinct from arrived.account_id
        and days.date = arrived.date
        and days.match_method = arrived.match_method
