{{ config(severity='warn', store_failures=true, meta={'dagster': {'ref': {'name': 'lead_sync'}}}) }}

select
    network,
    account_id,
    form_id,
    count(*) as leads,
    network || ' account ' || coalesce(account_id, '(unknown)') || ', lead form ' || coalesce(form_id, '(unknown)') || ': '
    || 'leads of the last {{ setting("alarm_days") }} days missing in HubSpot: ' || count(*) || ', the oldest from '
    || {{ day_in('min(created_at)', "'UTC'") }} || '. Reconnect lead syncing in HubSpot (Settings > Marketing > Ads): the'
    || ' network deletes leads after ' || any_value({{ by_network('lead_retention_days', 'network') }}) || ' days.' as message
from {{ ref('lead_sync') }}
where
    status in ('pending', 'missing')
    and created_at <= {{ as_of() }} - to_hours({{ setting("lead_sync_alarm_hours") }})
    and created_at > {{ as_of() }} - to_days({{ setting("alarm_days") }})
group by network, account_id, form_id
