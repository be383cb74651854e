with versions as (
    select
        ad_sets.account_id,
        ad_sets.ad_group_id,
        ad_sets.click_window_days,
        ad_sets.view_window_days,
        ad_sets.observed_at,
        {{ day_in('ad_sets.observed_at', 'accounts.time_zone') }} as observed_on
    from {{ ref('stg_facebook_ads__ad_set_versions') }} as ad_sets
    inner join {{ ref('stg_facebook_ads__accounts') }} as accounts on ad_sets.account_id = accounts.account_id
)

select
    * exclude (observed_at, observed_on),
    {{ validity('account_id, ad_group_id', 'observed_on') }}
from versions
