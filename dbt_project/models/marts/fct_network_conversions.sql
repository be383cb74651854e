select
    conversions.network,
    conversions.account_id,
    conversions.campaign_id,
    conversions.ad_group_id,
    conversions.ad_id,
    conversions.date,
    conversions.conversion_action_id,
    conversions.conversion_action_name,
    conversions.action_category,
    -- an action that neither the seed nor its category classifies counts as a form; the check unknown_conversion_actions lists it
    coalesce(actions.is_form, conversions.conversion_action_id != 'view_through_conversions') as is_form_action,
    conversions.event_type,
    conversions.counts_in_headline,
    {{ amount('conversions.conversions') }} as conversions,
    {{ amount('conversions.conversions_by_conversion_date') }} as conversions_by_conversion_date,
    {{ amount('conversions.value') }} as value,
    accounts.currency,
    cast(conversions.click_window_days as integer) as click_window_days,
    cast(conversions.view_window_days as integer) as view_window_days,
    conversions.observed_at
from ({{ union_networks('int_{network}__conversions') }}) as conversions
left join {{ ref('int_accounts') }} as accounts
    on conversions.network = accounts.network and conversions.account_id = accounts.account_id
left join {{ ref('int_conversion_actions') }} as actions
    on
        conversions.network = actions.network
        and conversions.account_id = actions.account_id
        and conversions.conversion_action_id = actions.conversion_action_id
        and {{ holds_on('actions', 'conversions.date') }}
