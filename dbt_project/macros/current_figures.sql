{# The rows of an observed daily table that were current at as-of, without the markers of days read. #}
{% macro current_figures() -%}
    not coalesce(is_day_marker, false)
    and observed_at <= {{ as_of() }}
    and (superseded_at is null or superseded_at > {{ as_of() }})
{%- endmacro %}
