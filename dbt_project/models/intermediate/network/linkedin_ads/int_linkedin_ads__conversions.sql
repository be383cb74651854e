with creatives as (
    select
        creatives.account_id,
        creatives.ad_id,
        creatives.ad_group_id,
        campaigns.campaign_id
    from {{ ref('stg_linkedin_ads__creatives') }} as creatives
    inner join {{ ref('int_linkedin_ads__ad_groups') }} as campaigns
        on creatives.account_id = campaigns.account_id and creatives.ad_group_id = campaigns.ad_group_id
),

campaign_figures as (
    -- per rule, plus the remainder to the campaign's own total, which is the headline
    select
        account_id,
        date,
        ad_group_id,
        conversion_action_id,
        external_website_conversions,
        post_view_conversions,
        0 as leads,
        conversion_value,
        observed_at
    from {{ ref('stg_linkedin_ads__campaign_conversions') }}
    union all by name
    select
        totals.account_id,
        totals.date,
        totals.ad_group_id,
        'other_conversions' as conversion_action_id,
        totals.external_website_conversions - coalesce(ruled.external_website_conversions, 0) as external_website_conversions,
        totals.post_view_conversions - coalesce(ruled.post_view_conversions, 0) as post_view_conversions,
        totals.conversion_value - coalesce(ruled.conversion_value, 0) as conversion_value,
        totals.observed_at
    from {{ ref('stg_linkedin_ads__campaign_analytics') }} as totals
    left join (
        select
            account_id,
            date,
            ad_group_id,
            sum(external_website_conversions) as external_website_conversions,
            sum(post_view_conversions) as post_view_conversions,
            sum(conversion_value) as conversion_value
        from {{ ref('stg_linkedin_ads__campaign_conversions') }}
        group by account_id, date, ad_group_id
    ) as ruled
        on totals.account_id = ruled.account_id and totals.date = ruled.date and totals.ad_group_id = ruled.ad_group_id
    union all by name
    select
        account_id,
        date,
        ad_group_id,
        'one_click_leads' as conversion_action_id,
        one_click_leads as leads,
        observed_at
    from {{ ref('stg_linkedin_ads__campaign_analytics') }}
),

figures as (
    -- figures of creatives that are no longer listed remain in the campaign's total
    select
        figures.account_id,
        figures.date,
        creatives.campaign_id,
        creatives.ad_group_id,
        figures.ad_id,
        figures.conversion_action_id,
        figures.external_website_conversions,
        figures.post_view_conversions,
        0 as leads,
        figures.conversion_value,
        figures.observed_at
    from {{ ref('stg_linkedin_ads__creative_conversions') }} as figures
    inner join creatives on figures.account_id = creatives.account_id and figures.ad_id = creatives.ad_id
    union all by name
    select
        figures.account_id,
        figures.date,
        creatives.campaign_id,
        creatives.ad_group_id,
        figures.ad_id,
        'one_click_leads' as conversion_action_id,
        figures.one_click_leads as leads,
        figures.observed_at
    from {{ ref('stg_linkedin_ads__creative_analytics') }} as figures
    inner join creatives on figures.account_id = creatives.account_id and figures.ad_id = creatives.ad_id
    union all by name
    select
        figures.* exclude (ad_group_id),
        campaigns.campaign_id
    from campaign_figures as figures
    inner join {{ ref('int_linkedin_ads__ad_groups') }} as campaigns
        on figures.account_id = campaigns.account_id and figures.ad_group_id = campaigns.ad_group_id
),

shared as (
    select
        figures.*,
        coalesce(actions.is_uploaded, false) as is_uploaded,
        coalesce(figures.external_website_conversions, 0) as total,
        coalesce(figures.post_view_conversions, 0) as viewed,
        case when figures.external_website_conversions != 0 then coalesce(figures.conversion_value, 0) end as total_value
    from figures
    left join {{ ref('int_conversion_actions') }} as actions
        on
            actions.network = 'linkedin_ads'
            and figures.account_id = actions.account_id
            and figures.conversion_action_id = actions.conversion_action_id
            and figures.conversion_action_id != 'one_click_leads'
            and {{ holds_on('actions', 'figures.date') }}
),

valued as (
    -- the value covers clicks and views; one share is rounded, the other is the remainder, so that both add up
    select
        *,
        try({{ amount('total_value * (total - viewed) / nullif(total, 0)') }}) as click_value
    from shared
),

events as (
    -- uploads have precedence over view_through: docs/contract.md, section 5
    select
        {{ ad_day() }},
        conversion_action_id,
        observed_at,
        unnest(
            case
                when is_uploaded then [{ 'event_type': 'uploaded', 'conversions': total, 'value': total_value }]
                else [
                    { 'event_type': 'click', 'conversions': total - viewed, 'value': click_value },
                    { 'event_type': 'view', 'conversions': viewed, 'value': total_value - click_value },
                    { 'event_type': 'lead_form', 'conversions': coalesce(leads, 0), 'value': null }
                ]
            end
        ) as event
    from valued
),

rows as (
    select
        {{ ad_day() }},
        conversion_action_id,
        event.event_type,
        {{ amount('event.conversions') }} as conversions,
        {{ amount('event.value') }} as value,
        observed_at
    from events
    where ad_id is not null
    union all by name
    select
        {{ campaign_day() }},
        conversion_action_id,
        event.event_type,
        {{ amount(rest_of_campaign('event.conversions')) }} as conversions,
        {{ amount(rest_of_campaign('event.value')) }} as value,
        max(observed_at) as observed_at
    from events
    group by account_id, date, campaign_id, conversion_action_id, event.event_type
)

select
    rows.*,
    {{ amount('null') }} as conversions_by_conversion_date,
    case rows.conversion_action_id
        when 'one_click_leads' then 'Leads (on LinkedIn)'
        when 'other_conversions' then 'Conversions of no rule'
        else rules.conversion_action_name
    end as conversion_action_name,
    case when rows.conversion_action_id = 'one_click_leads' then 'LEAD' else rules.action_category end as action_category,
    true as counts_in_headline,
    rules.click_window_days,
    rules.view_window_days
from rows
left join {{ ref('int_linkedin_ads__conversion_rule_versions') }} as rules
    on
        rows.account_id = rules.account_id
        and rows.conversion_action_id = rules.conversion_action_id
        and {{ holds_on('rules', 'rows.date') }}
where rows.conversions != 0
