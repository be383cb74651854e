{# First value of a field of a form submission, from the API's list of values. #}
{% macro submitted_value(field) -%}
    list_filter(
        from_json("values", '[{"name":"VARCHAR","value":"VARCHAR"}]'), lambda submitted: submitted.name = '{{ field }}'
    )[1].value
{%- endmacro %}

{# The instant of the submission if HubSpot set an analytics property because of it, that is shortly after it (vector L2); else
   null. #}
{% macro written_for(written_at, submitted_at) -%}
    case
        when {{ written_at }} <= {{ submitted_at }} + interval '{{ setting("analytics_delay_minutes") }} minutes' then {{ submitted_at }}
    end
{%- endmacro %}

{# Condition: an analytics timestamp with a tracked source is in the same session as an instant. #}
{% macro is_within_a_session(source, seen_at, instant) -%}
    coalesce(
        {{ source }} != 'OFFLINE'
        and abs(epoch_ms({{ seen_at }}) - epoch_ms({{ instant }})) <= {{ setting('session_gap_minutes') }} * 60000,
        false
    )
{%- endmacro %}
