{%- set split %}
        case
            -- the user's map has precedence over Google's settings of the action and of the figure
            when
                coalesce(
                    actions.is_uploaded,
                    figures.external_conversion_source like 'UPLOAD%'
                    or figures.external_conversion_source
                    in ('SALESFORCE', 'STORE_SALES', 'STORE_SALES_CRM', 'STORE_SALES_DIRECT_UPLOAD'),
                    false
                ) then 'uploaded'
            when figures.external_conversion_source = 'GOOGLE_HOSTED' and figures.action_category in ('LEAD', 'SUBMIT_LEAD_FORM') then 'lead_form'
            when figures.attribution_event_type = 'ENGAGED_VIEW' then 'engaged_view'
            when figures.attribution_event_type = 'IMPRESSION' then 'view'
            else 'click'
        end
{%- endset -%}
{%- set origins %}
    left join {{ ref('int_conversion_actions') }} as actions
        on
            actions.network = 'google_ads'
            and figures.account_id = actions.account_id
            and figures.conversion_action_id = actions.conversion_action_id
            and {{ holds_on('actions', 'figures.date') }}
{%- endset -%}
{%- set sums %}
        sum(conversions) as conversions,
        sum(conversions_by_conversion_date) as conversions_by_conversion_date,
        sum(all_conversions - conversions) as other_conversions,
        sum(conversions_value) as value,
        max(observed_at) as observed_at
{%- endset -%}
{%- set views %}
            account_id,
            date,
            campaign_id,
            observed_at
{%- endset -%}

with ad_figures as (
    select
        figures.*,
        {{ split }} as event_type
    from {{ ref('stg_google_ads__ad_conversions') }} as figures
    {{- origins }}
),

campaign_figures as (
    select
        figures.*,
        {{ split }} as event_type
    from {{ ref('stg_google_ads__campaign_conversions') }} as figures
    {{- origins }}
),

ads as (
    select
        {{ ad_day() }},
        conversion_action_id,
        max(conversion_action_name) as conversion_action_name,
        max(action_category) as action_category,
        event_type,
        {{ sums }}
    from ad_figures
    group by {{ ad_day() }}, conversion_action_id, event_type
),

campaigns as (
    select
        account_id,
        date,
        campaign_id,
        conversion_action_id,
        max(conversion_action_name) as conversion_action_name,
        max(action_category) as action_category,
        event_type,
        {{ sums }}
    from campaign_figures
    group by account_id, date, campaign_id, conversion_action_id, event_type
),

-- Performance Max and removed ads exist only in the campaign's total:
-- https://developers.google.com/google-ads/api/docs/performance-max/reporting
remainders as (
    select
        {{ campaign_day() }},
        conversion_action_id,
        max(conversion_action_name) as conversion_action_name,
        max(action_category) as action_category,
        event_type,
        sum(conversions) as conversions,
        sum(conversions_by_conversion_date) as conversions_by_conversion_date,
        sum(other_conversions) as other_conversions,
        sum(value) as value,
        max(observed_at) as observed_at
    from (
        select * from campaigns
        union all by name
        select
            * exclude (ad_group_id, ad_id)
            replace (
                -conversions as conversions,
                -conversions_by_conversion_date as conversions_by_conversion_date,
                -other_conversions as other_conversions,
                -value as value
            )
        from ads
    ) as signed
    group by account_id, date, campaign_id, conversion_action_id, event_type
),

split_rows as (
    select * from ads
    union all by name
    select * from remainders
),

headline as (
    select
        * exclude (other_conversions),
        true as counts_in_headline
    from split_rows
    where conversions != 0 or conversions_by_conversion_date != 0
),

outside_headline as (
    select
        {{ ad_day() }},
        conversion_action_id,
        max(conversion_action_name) as conversion_action_name,
        max(action_category) as action_category,
        'all' as event_type,
        sum(other_conversions) as conversions,
        {{ amount('null') }} as conversions_by_conversion_date,
        {{ amount('null') }} as value,
        max(observed_at) as observed_at,
        false as counts_in_headline
    from split_rows
    group by {{ ad_day() }}, conversion_action_id
    having sum(other_conversions) != 0
),

-- campaigns without ads have views too
view_through as (
    select
        {{ ad_day() }},
        'view_through_conversions' as conversion_action_id,
        'View-through conversions' as conversion_action_name,
        cast(null as varchar) as action_category,
        'view' as event_type,
        {{ amount('sum(view_through_conversions)') }} as conversions,
        {{ amount('null') }} as conversions_by_conversion_date,
        {{ amount('null') }} as value,
        max(observed_at) as observed_at,
        false as counts_in_headline
    from (
        select
            {{- views }},
            ad_group_id,
            ad_id,
            view_through_conversions
        from {{ ref('stg_google_ads__ad_metrics') }}
        union all by name
        select
            {{- views }},
            view_through_conversions
        from {{ ref('stg_google_ads__campaign_metrics') }}
        union all by name
        select
            {{- views }},
            -view_through_conversions as view_through_conversions
        from {{ ref('stg_google_ads__ad_metrics') }}
    ) as signed
    group by {{ ad_day() }}
    having sum(view_through_conversions) != 0
)

select
    rows.*,
    actions.click_window_days,
    actions.view_window_days
from (
    select * from headline
    union all by name
    select * from outside_headline
    union all by name
    select * from view_through
) as rows
left join {{ ref('int_google_ads__conversion_action_versions') }} as actions
    on
        rows.account_id = actions.account_id
        and rows.conversion_action_id = actions.conversion_action_id
        and {{ holds_on('actions', 'rows.date') }}
