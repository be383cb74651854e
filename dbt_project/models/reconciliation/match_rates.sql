-- how many of a network's clicks arrive as sessions, and on which rung of the ladder their ad is found
with accounts as (
    select
        *,
        -- a click id names a network, not an account: with several it stays unknown
        count(*) over (partition by network) = 1 as is_only_account
    from {{ ref('int_accounts') }}
),

landings as (
    select
        sessions.*,
        {{ hsa_columns(tagged_url('sessions.landing_url')) }},
        networks.network as click_network
    from {{ ref('int_sessions') }} as sessions
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

rungs as (
    select
        started_at,
        case
            when hsa_campaign_id is not null then hsa_network
            when ad_evidence in ('drilldown', 'gad_campaignid') then network
            else click_network
        end as network,
        case when hsa_campaign_id is not null then hsa_account_id else account_id end as account_id,
        case
            -- a template of Google's imported into Microsoft Ads: its campaign is none of the account's
            when hsa_campaign_id is not null and is_tracked_visit and not is_ad_click and google_campaign_id = hsa_campaign_id
                then 'hsa_unknown_campaign'
            when hsa_campaign_id is not null then 'hsa'
            when ad_evidence is not null then ad_evidence
            when list_contains(list_transform(click_ids, lambda click: click.type), 'gclid') then 'click_view'
            else 'click_id'
        end as rung,
        ad_evidence is not null as is_matched
    from landings
    where
        (hsa_network is not null and hsa_campaign_id is not null)
        or click_network is not null
        or ad_evidence in ('drilldown', 'gad_campaignid')
),

arrived as (
    select
        rungs.network,
        accounts.account_id,
        cast(rungs.started_at at time zone coalesce(accounts.time_zone, 'UTC') as date) as date,
        rungs.rung,
        count(*) as sessions,
        cast(count_if(rungs.is_matched) as bigint) as matched
    from rungs
    left join accounts
        on
            rungs.network = accounts.network
            and (rungs.account_id = accounts.account_id or (rungs.account_id is null and accounts.is_only_account))
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

-- a rung without a session on a day with clicks is a finding, too
days as (
    select
        network,
        account_id,
        date,
        unnest(
            case
                when network = 'google_ads' then ['hsa', 'click_view', 'gad_campaignid', 'click_id']
                else ['hsa', 'click_id']
            end
        ) as rung
    from clicks
    where clicks > 0
    union
    select
        network,
        account_id,
        date,
        rung
    from arrived
)

select
    days.network,
    days.account_id,
    days.date,
    days.rung,
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
        and days.rung = arrived.rung
