{# Condition: the row of an observed daily table was valid at as-of and is not a day marker. #}
{% macro current_figures() -%}
    not coalesce(is_day_marker, false)
    and observed_at <= {{ as_of() }}
    and (superseded_at is null or superseded_at > {{ as_of() }})
{%- endmacro %}
