with events as (
    select
        * exclude (total, clicks, value),
        unnest(
            case
                when is_lead_form then [{ 'event_type': 'lead_form', 'conversions': total, 'value': value }]
                else [
                    { 'event_type': 'click', 'conversions': clicks, 'value': value * clicks / nullif(total, 0) },
                    { 'event_type': 'view', 'conversions': total - clicks, 'value': value * (total - clicks) / nullif(total, 0) }
                ]
            end
        ) as event
    from {{ ref('int_facebook_ads__actions') }}
),

-- deleted ads vanish at ad level and stay in the campaign's total (vector N18)
rows as (
    select
        account_id,
        date,
        campaign_id,
        ad_group_id,
        ad_id,
        action_type,
        action_name,
        action_category,
        click_window_days,
        event.event_type,
        event.conversions,
        event.value,
        observed_at
    from events
    where ad_id is not null
    union all by name
    select
        account_id,
        date,
        campaign_id,
        cast(null as varchar) as ad_group_id,
        cast(null as varchar) as ad_id,
        action_type,
        max(action_name) as action_name,
        max(action_category) as action_category,
        max(click_window_days) as click_window_days,
        event.event_type,
        sum(case when ad_id is null then event.conversions else -event.conversions end) as conversions,
        sum(case when ad_id is null then event.value else -event.value end) as value,
        max(observed_at) as observed_at
    from events
    group by account_id, date, campaign_id, action_type, event.event_type
)

select
    'facebook_ads' as network,
    rows.account_id,
    rows.date,
    rows.campaign_id,
    rows.ad_group_id,
    rows.ad_id,
    rows.action_type as conversion_action_id,
    rows.action_name as conversion_action_name,
    rows.action_category,
    rows.event_type,
    true as counts_in_headline,
    rows.conversions,
    cast(null as decimal(18, 6)) as conversions_by_conversion_date,
    rows.value,
    rows.click_window_days,
    ad_sets.view_window_days,
    rows.observed_at
from rows
left join {{ ref('stg_facebook_ads__ad_sets') }} as ad_sets
    on rows.account_id = ad_sets.account_id and rows.ad_group_id = ad_sets.ad_group_id
where rows.conversions != 0
