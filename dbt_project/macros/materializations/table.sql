{#
    A table is replaced by one statement, or by two in a transaction if its contract is enforced; DuckDB replaces it atomically.
    dbt-duckdb's own materialization builds a second table and renames both, in eight statements. dbt's overhead per statement is
    more than most models take.
#}
{% materialization table, adapter='duckdb' %}
    {% set target = this.incorporate(type='table') %}
    {% set contract = config.get('contract').enforced %}
    {% set transaction = contract or pre_hooks or post_hooks or config.persist_relation_docs() or config.persist_column_docs() %}
    {{ drop_other_type(target) }}
    {{ run_hooks(pre_hooks) }}
    {% call statement('main', auto_begin=transaction) %}
        {% if contract %}
            {{ get_assert_columns_equivalent(sql) }}
            create or replace table {{ target }} {{ get_table_columns_and_constraints() }};
            insert into {{ target }} {{ get_column_names() }} (
                {{ get_select_subquery(sql) }}
            );
        {% else %}
            create or replace table {{ target }} as (
                {{ sql }}
            );
        {% endif %}
    {% endcall %}
    {% do persist_docs(target, model) %}
    {{ run_hooks(post_hooks) }}
    {% if transaction %}
        {% do adapter.commit() %}
    {% endif %}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}


{# Drops a view that became a table, or the reverse: `create or replace` replaces its own type only. #}
{% macro drop_other_type(target) %}
    {% set existing = load_cached_relation(target) %}
    {% if existing is not none and existing.type != target.type %}
        {% do adapter.drop_relation(existing) %}
    {% endif %}
{% endmacro %}
