with met as (
    select * from {{ ref('int_action_tracking_code') }}
    union all by name
    select * from {{ ref('int_action_form_context') }}
    union all by name
    select * from {{ ref('int_action_parameters') }}
    union all by name
    select * from {{ ref('int_action_lead_sync') }}
    union all by name
    select * from {{ ref('int_action_repeats') }}
),

-- each contact counts once, whatever its number of events and campaigns
gains as (
    select
        *,
        gained is not null
        and row_number() over (
            partition by network, account_id, subject_type, subject_id, cause, gained
            order by chance desc, occurred_at asc, submission_id asc
        ) = 1 as is_first_gain
    from met
)

select
    network,
    account_id,
    subject_type,
    subject_id,
    cause,
    case when count(distinct campaign_id) = 1 then any_value(campaign_id) end as campaign_id,
    list_sort(list(distinct campaign_id)) as campaign_ids,
    -- repeats gain no contact; zero ranks them before causes without contacts
    case when cause = 'repeat_submission' then 0 else sum(chance) filter (where is_first_gain) end as contacts_gained,
    sum(network_units) as network_units,
    count(distinct submission_id) as events,
    min(occurred_at) as first_met_at,
    max(occurred_at) as last_met_at,
    min(chance) as least_chance,
    coalesce(bool_or(is_inferred), false) as is_inferred,
    any_value(overriding_templates) as overriding_templates,
    list_sort(list(distinct submission_id))[1:5] as event_ids
from gains
group by network, account_id, subject_type, subject_id, cause
having bool_or(still_holds) or max(occurred_at) > {{ as_of() }} - to_days({{ setting("actions_still_seen_days") }})
