{# The instant the run treats as now (docs/contract.md, section 1): the environment variable ADLEDGER_AS_OF (ISO 8601 with
   offset), set by `adledger refresh`, else the current time. Read at run time only: a value read while parsing would make dbt
   parse the project again whenever it changes. #}
{% macro as_of() -%}
    cast('{{ (env_var("ADLEDGER_AS_OF", "") if execute else "") or run_started_at.isoformat() }}' as timestamptz)
{%- endmacro %}
