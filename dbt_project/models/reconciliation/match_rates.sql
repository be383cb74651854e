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
        *,
        {{ hsa_columns(tagged_url('landing_url')) }},
        {{ click_network() }} as click_network
    from {{ ref('fct_sessions') }}
),

rungs as (
    select
        started_at,
        case when hsa_campaign_id is not null then hsa_network else click_network end as network,
        case when hsa_campaign_id is not null then hsa_account_id else account_id end as account_id,
        case
            when hsa_campaign_id is not null then 'hsa'
            when click_id_type = 'gclid' then 'click_view'
            else 'click_id'
        end as rung,
        ad_evidence is not null as is_matched
    from landings
    where (hsa_network is not null and hsa_campaign_id is not null) or click_network is not null
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
        unnest(case when network = 'google_ads' then ['hsa', 'click_view', 'click_id'] else ['hsa', 'click_id'] end) as rung
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
