{# All attribution reports (docs/contract.md, fct_contact_attribution). They overlap: never add them up. #}
{% macro attribution_reports() -%}
    {{ return([
        'first_form_submission',
        'first_form_submission_new_contact',
        'influenced_first_form_submission',
        'first_ad_interaction',
        'last_ad_interaction',
        'all_ad_interactions',
    ]) }}
{%- endmacro %}

{# One row per report, so that a report without credits still has a bridge. #}
{% macro attribution_report_rows() -%}
    select unnest(['{{ attribution_reports() | join("', '") }}']) as attribution_report
{%- endmacro %}

{# Condition: the report requires click and conversion in one session. In other reports later_session does not apply. #}
{% macro asks_for_one_session(column) -%}
    {{ column }} in ('first_form_submission', 'first_form_submission_new_contact')
{%- endmacro %}
