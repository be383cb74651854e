-- a value is the sum of all observations valid at an instant, so a row that disappears also counts as a change; the first value
-- of a day is not a restatement
with observations as (
    select * from {{ ref('int_campaign_observations') }}
    where observed_at <= {{ as_of() }}
),

first_readings as (
    select
        network,
        account_id,
        date,
        min(observed_at) as first_read_at
    from observations
    where is_day_marker
    group by network, account_id, date
),

changes as (
    select
        network,
        account_id,
        campaign_id,
        date,
        observed_at,
        impressions,
        clicks,
        spend,
        conversions
    from observations
    where not coalesce(is_day_marker, false) and campaign_id is not null
    union all by name
    select
        network,
        account_id,
        campaign_id,
        date,
        superseded_at as observed_at,
        -impressions as impressions,
        -clicks as clicks,
        -spend as spend,
        -conversions as conversions
    from observations
    where not coalesce(is_day_marker, false) and campaign_id is not null and superseded_at <= {{ as_of() }}
),

by_metric as (
    unpivot (
        select
            network,
            account_id,
            campaign_id,
            date,
            observed_at,
            {{ amount('sum(impressions)') }} as impressions,
            {{ amount('sum(clicks)') }} as clicks,
            {{ amount('sum(spend)') }} as spend,
            {{ amount('sum(conversions)') }} as conversions
        from changes
        group by network, account_id, campaign_id, date, observed_at
    )
    on impressions, clicks, spend, conversions
    into name metric value difference
),

figures as (
    select
        *,
        {{ amount('sum(difference) over until_observed') }} as value
    from by_metric
    window until_observed as (partition by network, account_id, campaign_id, date, metric order by observed_at)
)

select
    figures.network,
    figures.account_id,
    figures.campaign_id,
    figures.date,
    figures.metric,
    figures.observed_at,
    {{ amount('figures.value - figures.difference') }} as previous_value,
    figures.value,
    cast({{ day_in('figures.observed_at', 'accounts.time_zone') }} - figures.date as integer) as days_after
from figures
inner join {{ ref('int_accounts') }} as accounts
    on figures.network = accounts.network and figures.account_id = accounts.account_id
inner join first_readings
    on
        figures.network = first_readings.network
        and figures.account_id = first_readings.account_id
        and figures.date = first_readings.date
where
    figures.difference != 0
    and figures.observed_at > first_readings.first_read_at
