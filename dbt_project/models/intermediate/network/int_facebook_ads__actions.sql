-- one row per insights row and headline action type: its total, and the part inside the click window of the ad set's own
-- setting. A campaign's row (ad_id null) names a setting only where its ad sets agree.
with insights as (
    select
        figures.account_id,
        figures.date,
        figures.campaign_id,
        figures.ad_group_id,
        figures.ad_id,
        figures.actions,
        figures.action_values,
        figures.observed_at,
        ad_sets.click_window_days
    from {{ ref('stg_facebook_ads__ad_insights') }} as figures
    left join {{ ref('stg_facebook_ads__ad_sets') }} as ad_sets
        on figures.account_id = ad_sets.account_id and figures.ad_group_id = ad_sets.ad_group_id
    union all by name
    select
        account_id,
        date,
        campaign_id,
        actions,
        action_values,
        observed_at,
        try_cast(nullif(regexp_extract(attribution_setting, '([0-9]+)d_click', 1), '') as integer) as click_window_days
    from {{ ref('stg_facebook_ads__campaign_insights') }}
),

unpacked as (
    select
        * exclude (actions, action_values, click_window_days),
        coalesce(click_window_days, {{ var('default_click_window_days')['facebook_ads'] }}) as click_window_days,
        from_json(action_values, '[{"action_type":"VARCHAR","value":"VARCHAR"}]') as amounts,
        unnest(
            from_json(
                actions,
                '[{"action_type":"VARCHAR","value":"VARCHAR","1d_click":"VARCHAR","7d_click":"VARCHAR","28d_click":"VARCHAR"}]'
            )
        ) as action
    from insights
)

select
    unpacked.account_id,
    unpacked.date,
    unpacked.campaign_id,
    unpacked.ad_group_id,
    unpacked.ad_id,
    unpacked.action.action_type,
    unpacked.click_window_days,
    unpacked.observed_at,
    headline.action_name,
    headline.action_category,
    headline.is_lead_form,
    cast(unpacked.action.value as decimal(18, 6)) as total,
    -- windows overlap and are absent when zero
    least(
        cast(unpacked.action.value as decimal(18, 6)),
        coalesce(
            cast(
                case unpacked.click_window_days
                    when 1 then unpacked.action."1d_click"
                    when 28 then unpacked.action."28d_click"
                    else unpacked.action."7d_click"
                end as decimal(18, 6)
            ), 0
        )
    ) as clicks,
    cast(
        list_filter(unpacked.amounts, lambda amount: amount.action_type = unpacked.action.action_type)[1].value
        as decimal(18, 6)
    ) as value
from unpacked
inner join {{ ref('facebook_headline_actions') }} as headline on unpacked.action.action_type = headline.action_type
