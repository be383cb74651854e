{# The first value of a field of a form submission, from the list the API sends. #}
{% macro submitted_value(field) -%}
    list_filter(
        from_json("values", '[{"name":"VARCHAR","value":"VARCHAR"}]'), lambda submitted: submitted.name = '{{ field }}'
    )[1].value
{%- endmacro %}

{# The instant of a submission where an analytics property was written on account of it: shortly after it (vector L2). #}
{% macro written_for(written_at, submitted_at) -%}
    case
        when {{ written_at }} <= {{ submitted_at }} + interval '{{ setting("analytics_delay_minutes") }} minutes' then {{ submitted_at }}
    end
{%- endmacro %}

{# Whether an analytics timestamp with a tracked source lies in the session of an instant. #}
{% macro is_within_a_session(source, seen_at, instant) -%}
    coalesce(
        {{ source }} != 'OFFLINE'
        and abs(epoch_ms({{ seen_at }}) - epoch_ms({{ instant }})) <= {{ setting('session_gap_minutes') }} * 60000,
        false
    )
{%- endmacro %}
