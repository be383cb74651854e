{{ config(severity='warn', store_failures=true, meta={'dagster': {'ref': {'name': 'lead_sync'}}}) }}

select
    network,
    account_id,
    form_id,
    count(*) as leads,
    network || ' account ' || coalesce(account_id, '(unknown)') || ', lead form ' || coalesce(form_id, '(unknown)') || ': '
    || 'leads of the last {{ setting("alarm_days") }} days that never reached HubSpot: ' || count(*) || ', the first of '
    || cast(min(created_at) at time zone 'UTC' as date) || '. Reconnect its lead syncing in HubSpot''s settings for ads: the'
    || ' network keeps leads for ' || any_value({{ by_network('lead_retention_days') }}) || ' days.' as message
from {{ ref('lead_sync') }}
where
    status in ('pending', 'missing')
    and created_at <= {{ as_of() }} - to_hours({{ setting("lead_sync_alarm_hours") }})
    and created_at > {{ as_of() }} - to_days({{ setting("alarm_days") }})
group by network, account_id, form_id
