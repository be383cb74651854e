{# Adds the days on which a version of a setting is valid, from valid_from to before valid_until. The first version also applies
   to all earlier days, the last to all later days. `day` is the day on which a version was first observed. #}
{% macro validity(keys, day) -%}
    case
        when row_number() over (partition by {{ keys }} order by observed_at) = 1 then date '0001-01-01' else {{ day }}
    end as valid_from,
    lead({{ day }}, 1, date '9999-12-31') over (partition by {{ keys }} order by observed_at) as valid_until
{%- endmacro %}

{# Condition: a version is valid on a day. #}
{% macro holds_on(version, day) -%}
    {{ version }}.valid_from <= {{ day }} and {{ version }}.valid_until > {{ day }}
{%- endmacro %}

{# A window in days; null for a number that is none (networks offer at most 90 days), so that the default applies. #}
{% macro window_days(days) -%}
    case when {{ days }} between 0 and 3650 then cast({{ days }} as integer) end
{%- endmacro %}
