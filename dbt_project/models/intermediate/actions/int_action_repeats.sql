with actions as (
    select
        network,
        account_id,
        conversion_action_id,
        form_id,
        count(*) over (partition by network, account_id) = 1 as is_only_action
    from {{ ref('int_conversion_actions') }}
    where counts_every and is_in_headline and coalesce(is_form, true) and valid_until = date '9999-12-31'
)

select
    claims.network,
    claims.account_id,
    claims.campaign_id,
    'conversion_action' as subject_type,
    actions.conversion_action_id as subject_id,
    'repeat_submission' as cause,
    1 as chance,
    claims.network_units,
    claims.occurred_at,
    claims.submission_id,
    -- the action still counts every conversion
    true as still_holds
from {{ ref('int_action_claims') }} as claims
inner join actions
    on
        claims.network = actions.network
        and claims.account_id = actions.account_id
        and (claims.form_id = actions.form_id or (actions.form_id is null and actions.is_only_action))
where claims.reason_code = 'repeat_submission' and claims.network_units > 0
