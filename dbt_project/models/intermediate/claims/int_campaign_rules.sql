with accounts as (
    select
        accounts.network,
        accounts.account_id,
        max(actions.click_window_days) as click_window_days,
        -- surely counted already: the rule with the shortest window
        min(actions.click_window_days) as repeat_window_days,
        -- who shares a conversion: the last click of the account, of each LinkedIn campaign, or several
        case
            when
                bool_and(actions.attribution_model in ('GOOGLE_ADS_LAST_CLICK', 'LAST_TOUCH_BY_CONVERSION'))
                then 'account'
            else {{ by_network('last_touch_of', 'accounts.network') }}
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

-- networks whose ad groups each have a click-through window of their own
ad_groups as (
    select
        network,
        account_id,
        campaign_id,
        ad_group_id,
        click_window_days
    from {{ ref('int_ad_groups') }}
    where {{ by_network('click_window_level', 'network') }} = 'ad_group'
),

own_windows as (
    select * from ad_groups
    union all by name
    select
        network,
        account_id,
        campaign_id,
        cast(null as varchar) as ad_group_id,
        max(click_window_days) as click_window_days
    from ad_groups
    group by network, account_id, campaign_id
)

select
    accounts.network,
    accounts.account_id,
    own_windows.campaign_id,
    own_windows.ad_group_id,
    {{ by_network('click_window_level', 'accounts.network') }} as click_window_level,
    coalesce(
        own_windows.click_window_days,
        accounts.click_window_days,
        {{ by_network('default_click_window_days', 'accounts.network') }}
    ) as click_window_days,
    coalesce(
        accounts.repeat_window_days, {{ by_network('default_click_window_days', 'accounts.network') }}
    ) as repeat_window_days,
    accounts.last_touch_of,
    accounts.counts_every
from accounts
left join own_windows
    on accounts.network = own_windows.network and accounts.account_id = own_windows.account_id
