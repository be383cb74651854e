with versions as (
    select
        rules.*,
        {{ day_in('rules.observed_at', "coalesce(accounts.time_zone, 'UTC')") }} as observed_on
    from {{ ref('stg_linkedin_ads__conversion_rule_versions') }} as rules
    left join {{ ref('stg_linkedin_ads__accounts') }} as accounts on rules.account_id = accounts.account_id
)

select
    * exclude (observed_at, superseded_at, observed_on)
    -- a rule's method never changes; versions that landed before the column existed have none
    replace (
        coalesce(conversion_method, max(conversion_method) over (partition by account_id, conversion_action_id))
            as conversion_method
    ),
    {{ validity('account_id, conversion_action_id', 'observed_on') }}
from versions
