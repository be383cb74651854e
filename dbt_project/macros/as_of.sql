{# The instant the run treats as now (docs/contract.md, section 1): the environment's ADLEDGER_AS_OF (ISO 8601, with offset), which
   `adledger refresh` sets, else the present. Read at run time alone: a value known when the project is parsed would have it
   parsed again for every other one. #}
{% macro as_of() -%}
    cast('{{ (env_var("ADLEDGER_AS_OF", "") if execute else "") or run_started_at.isoformat() }}' as timestamptz)
{%- endmacro %}
