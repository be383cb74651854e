{# Versions of a setting get the calendar days they hold for, valid_from to before valid_until: the first known reaches back,
   the last goes on. `day` is the day on which a version was first observed. #}
{% macro validity(keys, day) -%}
    case
        when row_number() over (partition by {{ keys }} order by observed_at) = 1 then date '0001-01-01' else {{ day }}
    end as valid_from,
    lead({{ day }}, 1, date '9999-12-31') over (partition by {{ keys }} order by observed_at) as valid_until
{%- endmacro %}

{# Whether a version holds on a day. #}
{% macro holds_on(version, day) -%}
    {{ version }}.valid_from <= {{ day }} and {{ version }}.valid_until > {{ day }}
{%- endmacro %}
