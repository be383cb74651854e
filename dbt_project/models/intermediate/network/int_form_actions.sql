-- every conversion action with its settings and whether it counts a form: the user's map first, the category second
with google_figures as (
    -- actions of a manager account have figures here and settings there
    select
        account_id,
        conversion_action_id,
        max(action_category) as action_category
    from {{ ref('stg_google_ads__campaign_conversions') }}
    group by account_id, conversion_action_id
),

actions as (
    select
        'google_ads' as network,
        coalesce(listed.account_id, google_figures.account_id) as account_id,
        coalesce(listed.conversion_action_id, google_figures.conversion_action_id) as conversion_action_id,
        coalesce(listed.action_category, google_figures.action_category) as action_category,
        listed.click_window_days,
        -- https://support.google.com/google-ads/answer/3438531
        coalesce(listed.counting_type = 'MANY_PER_CLICK', false) as counts_every,
        coalesce(listed.is_in_headline, true) as is_in_headline
    from {{ ref('stg_google_ads__conversion_actions') }} as listed
    full join google_figures
        on
            listed.account_id = google_figures.account_id
            and listed.conversion_action_id = google_figures.conversion_action_id
    union all
    select
        'linkedin_ads' as network,
        account_id,
        conversion_action_id,
        action_category,
        click_window_days,
        -- one member counts once in the window: https://www.linkedin.com/help/lms/answer/a426359
        false as counts_every,
        is_enabled as is_in_headline
    from {{ ref('stg_linkedin_ads__conversion_rules') }}
    union all
    select
        'linkedin_ads' as network,
        account_id,
        'one_click_leads' as conversion_action_id,
        'LEAD' as action_category,
        cast(null as bigint) as click_window_days,
        false as counts_every,
        true as is_in_headline
    from {{ ref('stg_linkedin_ads__accounts') }}
    union all
    select
        'facebook_ads' as network,
        accounts.account_id,
        headline.action_type as conversion_action_id,
        headline.action_category,
        cast(null as bigint) as click_window_days,
        -- Meta counts every action, not every person
        true as counts_every,
        true as is_in_headline
    from {{ ref('stg_facebook_ads__accounts') }} as accounts
    cross join {{ ref('facebook_headline_actions') }} as headline
)

select
    actions.network,
    actions.account_id,
    actions.conversion_action_id,
    actions.click_window_days,
    actions.counts_every,
    actions.is_in_headline,
    map.form_id,
    coalesce(map.is_form, categories.is_form, headline.is_form) as is_form
from actions
left join {{ ref('conversion_action_map') }} as map
    on
        actions.network = map.network
        and actions.account_id = map.account_id
        and actions.conversion_action_id = map.conversion_action_id
left join {{ ref('conversion_categories') }} as categories
    on actions.network = categories.network and actions.action_category = categories.action_category
left join {{ ref('facebook_headline_actions') }} as headline
    on actions.network = 'facebook_ads' and actions.conversion_action_id = headline.action_type
