{# What an ad takes of the units its campaign lacks to zero on the day: a part below zero contradicts its total. The ads
   below zero take it, the lowest first, none more than it lacks itself, so that the ads sum to the campaign. #}
{% macro share_of_shortfall(units) -%}
    greatest(
        least(
            -{{ units }},
            -sum({{ units }}) over (partition by network, account_id, campaign_id, date)
            - coalesce(
                sum(greatest(-{{ units }}, 0)) over (
                    partition by network, account_id, campaign_id, date
                    order by {{ units }} asc, ad_group_id asc nulls last, ad_id asc nulls last
                    rows between unbounded preceding and 1 preceding
                ), 0
            )
        ), 0
    )
{%- endmacro %}

{# The bridge's start and aggregate steps, from the columns of int_ad_days. #}
{% macro network_steps() -%}
    unnest([
        { 'step': 'network_conversions', 'units': conversions },
        { 'step': 'date_basis', 'units': date_basis },
        { 'step': 'non_form_action', 'units': -non_form },
        { 'step': 'uploaded_conversion', 'units': -uploaded },
        { 'step': 'view_through', 'units': -viewed },
        { 'step': 'fractional_credit', 'units': fractional },
        { 'step': 'unexplained', 'units': unexplained }
    ])
{%- endmacro %}

{# What a row of the ledger moves on the way from the network's figure to HubSpot's. #}
{% macro claim_units() -%}
    sum(case when network_units > 0 then -network_units else hubspot_units end)
{%- endmacro %}

{# Steps of a bridge per report, `key` and day: summed, named, an adjustment of zero left out. #}
{% macro bridge_rows(steps, key) -%}
{%- set evidence_class = 'coalesce(steps.evidence_class, codes.evidence_class)' %}
select
    steps.attribution_report,
    {{ key }},
    steps.date,
    codes.step_order,
    steps.step,
    codes.label || case when {{ evidence_class }} = 'inferred' then ' (inferred)' else '' end as step_label,
    codes.kind,
    cast(sum(steps.units) as decimal(18, 6)) as units,
    {{ evidence_class }} as evidence_class
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
    {{ evidence_class }}
having codes.kind != 'adjustment' or sum(steps.units) != 0
{%- endmacro %}
