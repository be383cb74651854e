{# Calendar day of an instant in a time zone, an expression: an instant has no day of its own. #}
{% macro day_in(instant, time_zone) -%}
    cast({{ instant }} at time zone {{ time_zone }} as date)
{%- endmacro %}
