with accounts as (
    select
        accounts.network,
        accounts.account_id,
        max(actions.click_window_days) as click_window_days,
        -- surely counted already: the rule with the shortest window
        min(actions.click_window_days) as repeat_window_days,
        -- who shares a conversion: the last click of the account, of each LinkedIn campaign, or several
        case
            when accounts.network = 'facebook_ads' then 'account'
            when
                bool_and(actions.attribution_model in ('GOOGLE_ADS_LAST_CLICK', 'LAST_TOUCH_BY_CONVERSION'))
                then 'account'
            when accounts.network = 'linkedin_ads' then 'ad_group'
        end as last_touch_of,
        coalesce(bool_or(actions.counts_every), false) as counts_every
    from {{ ref('int_accounts') }} as accounts
    left join {{ ref('int_conversion_actions') }} as actions
        on
            accounts.network = actions.network
            and accounts.account_id = actions.account_id
            and coalesce(actions.is_form, true)
            and actions.is_in_headline
    group by accounts.network, accounts.account_id
),

ad_sets as (
    select
        'facebook_ads' as network,
        account_id,
        campaign_id,
        ad_group_id,
        click_window_days
    from {{ ref('stg_facebook_ads__ad_sets') }}
    union all
    select
        'facebook_ads' as network,
        account_id,
        campaign_id,
        cast(null as varchar) as ad_group_id,
        max(click_window_days) as click_window_days
    from {{ ref('stg_facebook_ads__ad_sets') }}
    group by account_id, campaign_id
)

select
    accounts.network,
    accounts.account_id,
    ad_sets.campaign_id,
    ad_sets.ad_group_id,
    coalesce(
        ad_sets.click_window_days, accounts.click_window_days, {{ by_network('default_click_window_days', 'accounts.network') }}
    ) as click_window_days,
    coalesce(
        accounts.repeat_window_days, {{ by_network('default_click_window_days', 'accounts.network') }}
    ) as repeat_window_days,
    accounts.last_touch_of,
    accounts.counts_every
from accounts
left join ad_sets on accounts.network = ad_sets.network and accounts.account_id = ad_sets.account_id
