with versions as (
    select
        actions.*,
        {{ day_in('actions.observed_at', "coalesce(accounts.time_zone, 'UTC')") }} as observed_on
    from {{ ref('stg_google_ads__conversion_action_versions') }} as actions
    left join {{ ref('stg_google_ads__accounts') }} as accounts on actions.account_id = accounts.account_id
)

select
    * exclude (observed_at, superseded_at, observed_on),
    {{ validity('account_id, conversion_action_id', 'observed_on') }}
from versions
