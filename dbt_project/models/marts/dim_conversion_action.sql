select
    network,
    account_id,
    conversion_action_id,
    conversion_action_name,
    action_category,
    status,
    origin,
    case when counts_every then 'every' else 'once' end as counting,
    attribution_model,
    cast(click_window_days as integer) as click_window_days,
    cast(view_window_days as integer) as view_window_days,
    is_in_headline as counts_in_headline,
    is_form,
    is_form_source,
    form_id,
    nullif(valid_from, date '0001-01-01') as valid_from,
    nullif(valid_until, date '9999-12-31') as valid_to
from {{ ref('int_conversion_actions') }}
