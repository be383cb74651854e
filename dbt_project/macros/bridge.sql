{# An ad's share of its campaign's negative remainder on a day, 0 or positive: a negative remainder means that parts exceed their
   total. Ads with negative units take the share, the lowest first and each at most its own amount, so that the ads sum to the
   campaign. #}
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

{# The common table expressions that both bridges begin with: reports, figures, ledger, network_steps and claim_steps, of the days to
   build. `figures` has the network's figures per `key` and day. #}
{% macro bridge_inputs(figures, key) -%}
reports as (
    {{ attribution_report_rows() }}
),

figures as (
    select
        reports.attribution_report,
        days.*
    from {{ figures }} as days
    cross join reports
    where {{ only_changed_days('days.') }}
),

ledger as (
    select * from {{ ref('conversion_ledger') }}
    where {{ only_changed_days() }}
),

network_steps as (
    select
        attribution_report,
        {{ key }},
        date,
        {{ network_steps() }} as step
    from figures
),

claim_steps as (
    select
        attribution_report,
        {{ key }},
        date,
        reason_code as step,
        evidence_class,
        {{ claim_units() }} as units
    from ledger
    where reason_code is not null
    group by attribution_report, {{ key }}, date, reason_code, evidence_class
)
{%- endmacro %}

{# Sum of ledger rows as a bridge adjustment: negative for network conversions, positive for HubSpot credits. #}
{% macro claim_units() -%}
    sum(case when network_units > 0 then -network_units else hubspot_units end)
{%- endmacro %}

{# Bridge rows per report, `key`, day and step, with labels; adjustments of zero are left out. #}
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
    {{ amount('sum(steps.units)') }} as units,
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
