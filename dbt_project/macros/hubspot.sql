{# The first value of a field of a form submission, from the list the API sends. #}
{% macro submitted_value(field) -%}
    list_filter(
        from_json("values", '[{"name":"VARCHAR","value":"VARCHAR"}]'), lambda submitted: submitted.name = '{{ field }}'
    )[1].value
{%- endmacro %}
