select * exclude (observed_at, superseded_at)
from {{ ref('stg_linkedin_ads__conversion_rule_versions') }}
qualify
    row_number() over (
        partition by account_id, conversion_action_id
        order by observed_at > {{ as_of() }}, abs(epoch(observed_at) - epoch({{ as_of() }}))
    ) = 1
