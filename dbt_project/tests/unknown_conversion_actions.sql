{{ config(severity='warn', store_failures=true, meta={'dagster': {'ref': {'name': 'fct_network_conversions'}}}) }}

select distinct
    conversions.network,
    conversions.account_id,
    conversions.conversion_action_id,
    conversions.conversion_action_name,
    conversions.action_category,
    conversions.network || ' account ' || conversions.account_id || ': '
    || coalesce(conversions.conversion_action_name, 'an action') || ' (' || conversions.conversion_action_id
    || ') counts as a form because neither its category nor the seed conversion_action_map classifies it. Add it to the seed.'
        as message
from {{ ref('fct_network_conversions') }} as conversions
left join {{ ref('int_conversion_actions') }} as actions
    on
        conversions.network = actions.network
        and conversions.account_id = actions.account_id
        and conversions.conversion_action_id = actions.conversion_action_id
        and {{ holds_on('actions', 'conversions.date') }}
where
    conversions.counts_in_headline
    and actions.is_form is null
