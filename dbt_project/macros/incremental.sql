{# Incremental models are built per contact, or per account and day (config built_per='day'). If the inputs of a contact or day
   changed since the last complete build, for whatever reason, its rows are deleted and built again. Everything is rebuilt if the
   project, a setting or the table itself changed, or if the project's hash is unknown. #}
{% materialization incremental, adapter='duckdb', supported_languages=['sql'] %}
    {%- set built_per = config.get('built_per', 'contact') -%}
    {%- if not is_update(built_per) -%}
        {{ return(materialization_table_duckdb()) }}
    {%- endif -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- set columns = adapter.get_columns_in_relation(target_relation) | map(attribute='quoted') | join(', ') -%}
    {% call statement('delete') -%}
        delete from {{ target_relation }} where {{ only_changed_days() if built_per == 'day' else only_changed() }}
    {%- endcall %}
    {% call statement('main') -%}
        insert into {{ target_relation }} ({{ columns }}) select {{ columns }} from ({{ compiled_code }})
    {%- endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{# Condition that selects the contacts to build; rows without a contact are always built. #}
{% macro only_changed(column='contact_id') -%}
    {%- set changed = ref('int_changed_contacts') -%}
    {%- if is_update() -%}
        ({{ column }} is null or {{ column }} in (select changed.contact_id from {{ changed }} as changed))
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{% macro is_update(built_per='contact') -%}
    {%- if not execute or load_relation(this) is none -%}
        {{ return(false) }}
    {%- endif -%}
    {{ return((built_days() if built_per == 'day' else built_contacts()) is not none) }}
{%- endmacro %}

{# Table with the inputs of the last build per contact; none to build all contacts. #}
{% macro built_contacts() -%}
    {%- if execute and adapter.get_relation(target.database, 'intermediate', 'int_sessions') is none -%}
        {{ return(none) }}
    {%- endif -%}
    {{ return(last_build('int_built_contacts')) }}
{%- endmacro %}

{# Table with the inputs of the last build per day (ledger and bridges); none to build all days. #}
{% macro built_days() -%}
    {{ return(last_build('int_built_days')) }}
{%- endmacro %}

{# The given state table of the last complete build; none if it belongs to another project version or other settings. #}
{% macro last_build(table) -%}
    {%- if not execute or flags.FULL_REFRESH or not project_hash() -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set state = adapter.get_relation(target.database, 'intermediate', table) -%}
    {%- if state is none -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set same = run_query("select 1 from " ~ state ~ " where code = '" ~ code_version() ~ "' limit 1") -%}
    {{ return(state if same.rows | length else none) }}
{%- endmacro %}

{# Hash of the dbt project: the environment variable ADLEDGER_PROJECT_HASH, set by `adledger refresh`. #}
{% macro project_hash() -%}
    {{ return(env_var('ADLEDGER_PROJECT_HASH', '') if execute else '') }}
{%- endmacro %}

{% macro code_version() -%}
    {%- set settings = [project_hash()] -%}
    {%- for name in [
        'session_gap_minutes', 'session_timeout_hours', 'existing_contact_tolerance_minutes', 'analytics_delay_minutes',
        'lead_ad_url_hours', 'open_page_hours', 'hsa_block_taken', 'direct_views_split_sessions',
    ] -%}
        {%- do settings.append(setting(name)) -%}
    {%- endfor -%}
    {{ return(local_md5(tojson(settings))) }}
{%- endmacro %}

{# Post-hook of the last model built per contact: stores the inputs of this build. #}
{% macro remember_built_contacts() -%}
    create or replace table {{ target.database }}.intermediate.int_built_contacts as
    select contact_id, fingerprint, '{{ code_version() }}' as code from {{ ref('int_contact_inputs') }}
{%- endmacro %}

{# Condition that selects the accounts and days to build. #}
{% macro only_changed_days(prefix='') -%}
    {%- set changed = ref('int_changed_days') -%}
    {%- if is_update('day') -%}
        ({{ prefix }}network, {{ prefix }}account_id, {{ prefix }}date) in (
            select (changed.network, changed.account_id, changed.date) from {{ changed }} as changed
        )
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{# Post-hook of the last model built per day: stores the inputs of this build. #}
{% macro remember_built_days() -%}
    create or replace table {{ target.database }}.intermediate.int_built_days as
    select network, account_id, date, fingerprint, '{{ code_version() }}' as code from {{ ref('int_day_inputs') }}
{%- endmacro %}
