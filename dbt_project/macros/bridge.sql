{# The network's headline per `key` and day, split into what the bridge's aggregate steps take away and the whole units that
   single claims can hold. Rounding is per action, day and `key`. #}
{% macro headline_parts(key) -%}
with figures as (
    select
        conversions.*,
        -- LinkedIn and Meta report one basis only; it stands for the day of the conversion
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
        {{ key }},
        date,
        part,
        conversion_action_id,
        sum(conversions) as conversions,
        sum(converted) as converted,
        case when part in ('click', 'lead') then cast(round(sum(converted), 0) as decimal(18, 6)) end as whole
    from figures
    group by {{ key }}, date, part, conversion_action_id
)

-- one decimal type throughout: where widths differ DuckDB may unify them to a type without decimals
select
    {{ key }},
    date,
    cast(sum(conversions) as decimal(18, 6)) as conversions,
    cast(sum(converted) - sum(conversions) as decimal(18, 6)) as date_basis,
    cast(coalesce(sum(converted) filter (where part = 'non_form'), 0) as decimal(18, 6)) as non_form,
    cast(coalesce(sum(converted) filter (where part = 'uploaded'), 0) as decimal(18, 6)) as uploaded,
    cast(coalesce(sum(converted) filter (where part = 'view'), 0) as decimal(18, 6)) as viewed,
    cast(coalesce(sum(whole - converted) filter (where part in ('click', 'lead')), 0) as decimal(18, 6)) as fractional,
    cast(coalesce(sum(whole) filter (where part = 'click'), 0) as decimal(18, 6)) as click_units,
    cast(coalesce(sum(whole) filter (where part = 'lead'), 0) as decimal(18, 6)) as lead_units
from actions
group by {{ key }}, date
{%- endmacro %}

{# The bridge's start and aggregate steps, from the columns of headline_parts. #}
{% macro network_steps() -%}
    unnest([
        { 'step': 'network_conversions', 'units': conversions },
        { 'step': 'date_basis', 'units': date_basis },
        { 'step': 'non_form_action', 'units': -non_form },
        { 'step': 'uploaded_conversion', 'units': -uploaded },
        { 'step': 'view_through', 'units': -viewed },
        { 'step': 'fractional_credit', 'units': fractional },
        -- a part below zero contradicts its total
        { 'step': 'unexplained', 'units': -least(click_units, 0) - least(lead_units, 0) }
    ])
{%- endmacro %}

{# What a row of the ledger moves on the way from the network's figure to HubSpot's. #}
{% macro claim_units() -%}
    sum(case when network_units > 0 then -network_units else hubspot_units end)
{%- endmacro %}

{# Steps of a bridge per report, `key` and day: summed, named, an adjustment of zero left out. #}
{% macro bridge_rows(steps, key) -%}
select
    steps.attribution_report,
    {{ key }},
    steps.date,
    codes.step_order,
    steps.step,
    codes.label as step_label,
    codes.kind,
    cast(sum(steps.units) as decimal(18, 6)) as units,
    codes.evidence_class
from {{ steps }} as steps
inner join {{ ref('reason_codes') }} as codes on steps.step = codes.step
group by
    steps.attribution_report,
    {{ key }},
    steps.date,
    codes.step_order,
    steps.step,
    codes.label,
    codes.kind,
    codes.evidence_class
having codes.kind != 'adjustment' or sum(steps.units) != 0
{%- endmacro %}
