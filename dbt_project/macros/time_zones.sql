{# A time zone of an account; UTC if it has none, or one that DuckDB does not know (the check unknown_time_zones names it). #}
{% macro time_zone(name) -%}
    case when {{ name }} in (select known.name from pg_timezone_names() as known) then {{ name }} else 'UTC' end
{%- endmacro %}
