with insights as (
    select
        {{ ad_day() }},
        attribution_setting,
        actions,
        action_values,
        observed_at
    from {{ ref('stg_facebook_ads__ad_insights') }}
    union all by name
    select
        account_id,
        date,
        campaign_id,
        attribution_setting,
        actions,
        action_values,
        observed_at
    from {{ ref('stg_facebook_ads__campaign_insights') }}
),

unpacked as (
    select
        * exclude (actions, action_values),
        from_json(action_values, '[{"action_type":"VARCHAR","value":"VARCHAR"}]') as amounts,
        unnest(
            from_json(
                actions,
                '[{"action_type":"VARCHAR","value":"VARCHAR","1d_click":"VARCHAR","7d_click":"VARCHAR","28d_click":"VARCHAR"}]'
            )
        ) as action
    from insights
),

levels as (
    select
        unpacked.account_id,
        unpacked.date,
        unpacked.campaign_id,
        unpacked.ad_group_id,
        unpacked.ad_id,
        unpacked.action.action_type,
        unpacked.attribution_setting,
        unpacked.observed_at,
        {{ amount_of_text('unpacked.action.value') }} as total,
        coalesce({{ amount_of_text('unpacked.action."1d_click"') }}, 0) as clicks_1d,
        coalesce({{ amount_of_text('unpacked.action."7d_click"') }}, 0) as clicks_7d,
        coalesce({{ amount_of_text('unpacked.action."28d_click"') }}, 0) as clicks_28d,
        {{ amount_of_text(
            'list_filter(unpacked.amounts, lambda paid: paid.action_type = unpacked.action.action_type)[1].value'
        ) }} as value
    from unpacked
    inner join {{ ref('facebook_headline_actions') }} as headline on unpacked.action.action_type = headline.action_type
    -- what is no number counts nothing
    where {{ amount_of_text('unpacked.action.value') }} is not null
)

select * from levels
where ad_id is not null
union all by name
select
    {{ campaign_day() }},
    action_type,
    -- a campaign has a setting only if all its ad sets agree
    max(attribution_setting) filter (where ad_id is null) as attribution_setting,
    max(observed_at) as observed_at,
    {{ rest_of_campaign('total') }} as total,
    {{ rest_of_campaign('clicks_1d') }} as clicks_1d,
    {{ rest_of_campaign('clicks_7d') }} as clicks_7d,
    {{ rest_of_campaign('clicks_28d') }} as clicks_28d,
    {{ rest_of_campaign('value') }} as value
from levels
group by account_id, date, campaign_id, action_type
having {{ rest_of_campaign('total') }} != 0
