{# A view is replaced by one statement (see table.sql). #}
{% materialization view, adapter='duckdb' %}
    {% set target = this.incorporate(type='view') %}
    {% set transaction = pre_hooks or post_hooks or config.persist_relation_docs() or config.persist_column_docs() %}
    {{ drop_other_type(target) }}
    {{ run_hooks(pre_hooks) }}
    {% call statement('main', auto_begin=transaction) %}
        {% if config.get('contract').enforced %}
            {{ get_assert_columns_equivalent(sql) }}
        {% endif %}
        create or replace view {{ target }} as (
            {{ sql }}
        );
    {% endcall %}
    {% do persist_docs(target, model) %}
    {{ run_hooks(post_hooks) }}
    {% if transaction %}
        {% do adapter.commit() %}
    {% endif %}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}
