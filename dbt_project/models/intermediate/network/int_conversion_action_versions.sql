{{ config(materialized='ephemeral') }}
select
    network,
    account_id,
    conversion_action_id,
    conversion_action_name,
    action_category,
    status,
    origin,
    is_uploaded,
    is_form,
    counts_every,
    attribution_model,
    click_window_days,
    view_window_days,
    is_in_headline,
    valid_from,
    valid_until
from ({{ union_networks('int_{network}__conversion_actions') }}) as networks
