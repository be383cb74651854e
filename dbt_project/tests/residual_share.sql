{{ config(severity='warn', store_failures=true, meta={'dagster': {'ref': {'name': 'conversion_bridge'}}}) }}

with accounts as (
    select
        network,
        account_id,
        sum(case when step = 'network_conversions' then units else 0 end) as conversions,
        sum(case when evidence_class = 'residual' then abs(units) else 0 end) as residual
    from {{ ref('conversion_bridge') }}
    where
        attribution_report = '{{ setting("default_attribution_report") }}'
        and date > {{ day_in(as_of(), "'UTC'") }} - {{ setting("alarm_days") }}
    group by network, account_id
)

select
    network,
    account_id,
    conversions,
    residual,
    network || ' account ' || account_id || ': ' || round(residual) || ' of ' || round(conversions)
    || ' conversions of the last {{ setting("alarm_days") }} days have no reason, more than'
    || ' {{ setting("residual_share_limit_percent") }} %. Check tracking_health for its ads, and consent and modeled conversions'
    || ' in the network.' as message
from accounts
where
    conversions >= {{ setting("alarm_minimum") }}
    and residual * 100 > conversions * {{ setting("residual_share_limit_percent") }}
