{%- set per_action = ', conversion_action_id' if setting('units_rounded_per_action') else '' -%}
with figures as (
    select
        conversions.*,
        -- LinkedIn and Meta report one date only, taken as the day of the conversion
        coalesce(conversions.conversions_by_conversion_date, conversions.conversions) as converted,
        -- uploaded and view figures of form actions go to their own steps; of other actions to non_form_action
        case
            when not conversions.is_form_action then 'non_form'
            when conversions.event_type = 'uploaded' then 'uploaded'
            when conversions.event_type in ('view', 'engaged_view') then 'view'
            when conversions.event_type = 'lead_form' then 'lead'
            else 'click'
        end as part
    from {{ ref('fct_network_conversions') }} as conversions
    where conversions.counts_in_headline
),

actions as (
    select
        {{ ad_key() }},
        date,
        part,
        conversion_action_id,
        sum(conversions) as conversions,
        sum(converted) as converted
    from figures
    group by {{ ad_key() }}, date, part, conversion_action_id
),

-- rounded per campaign, action and day; its ads share the whole units by largest remainder, so that they add up
ranked as (
    select
        *,
        round(sum(converted) over campaign_action, 0) - sum(floor(converted)) over campaign_action as left_over,
        row_number() over (
            partition by network, account_id, campaign_id, date, part{{ per_action }}
            order by
                converted - floor(converted) desc,
                converted desc,
                ad_group_id asc nulls last,
                ad_id asc nulls last,
                conversion_action_id asc nulls last
        ) as position
    from actions
    window campaign_action as (partition by network, account_id, campaign_id, date, part{{ per_action }})
),

rounded as (
    select
        *,
        case
            when part in ('click', 'lead')
                then {{ amount('floor(converted) + case when position <= left_over then 1 else 0 end') }}
        end as whole
    from ranked
),

-- one decimal type throughout: DuckDB may unify different widths to a type without decimals
parts as (
    select
        {{ ad_key() }},
        date,
        {{ amount('sum(conversions)') }} as conversions,
        {{ amount('sum(converted) - sum(conversions)') }} as date_basis,
        {{ amount("coalesce(sum(converted) filter (where part = 'non_form'), 0)") }} as non_form,
        {{ amount("coalesce(sum(converted) filter (where part = 'uploaded'), 0)") }} as uploaded,
        {{ amount("coalesce(sum(converted) filter (where part = 'view'), 0)") }} as viewed,
        {{ amount('coalesce(sum(whole - converted), 0)') }} as fractional,
        {{ amount("coalesce(sum(whole) filter (where part = 'click'), 0)") }} as click_units,
        {{ amount("coalesce(sum(whole) filter (where part = 'lead'), 0)") }} as lead_units
    from rounded
    group by {{ ad_key() }}, date
)

select
    *,
    {{ amount(share_of_shortfall('click_units') ~ ' + ' ~ share_of_shortfall('lead_units')) }} as unexplained
from parts
