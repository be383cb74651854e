{# Columns of Meta's insights. #}
{% macro facebook_figures() -%}
    impressions,
    clicks,
    spend,
    attribution_setting,
    actions,
    action_values,
    observed_at
{%- endmacro %}
