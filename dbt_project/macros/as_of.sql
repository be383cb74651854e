{# The instant the run treats as now (docs/contract.md, section 1). #}
{% macro as_of() -%}
    cast('{{ var("as_of") or run_started_at.isoformat() }}' as timestamptz)
{%- endmacro %}
