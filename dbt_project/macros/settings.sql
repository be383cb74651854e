{# Returns a variable of dbt_project.yml. An invalid value stops the compilation with the variable's name and the valid values. #}
{% macro setting(name) -%}
    {%- set value = var(name) -%}
    {%- set positive = [
        'session_gap_minutes', 'session_timeout_hours', 'open_page_hours', 'unviewed_page_contacts', 'lead_ad_url_hours', 'form_tracking_days', 'form_untracked_submissions', 'lead_pending_minutes',
        'actions_days', 'actions_still_seen_days',
        'tracking_health_days', 'alarm_days', 'alarm_minimum', 'residual_share_limit_percent', 'match_rate_drop_limit_points',
        'lead_sync_alarm_hours',
    ] -%}
    {%- set not_negative = ['existing_contact_tolerance_minutes', 'analytics_delay_minutes'] -%}
    {%- if name in positive + not_negative -%}
        {%- if value is not integer or value is boolean or value < (1 if name in positive else 0) -%}
            {{ invalid_setting(name, value, 'a whole number of at least ' ~ (1 if name in positive else 0)) }}
        {%- endif -%}
    {%- elif name in [
        'credited_take_units_first', 'repeats_take_units_last', 'latest_clicks_take_units_first', 'last_click_takes_all',
        'units_rounded_per_action', 'direct_views_split_sessions',
    ] -%}
        {%- if value is not boolean -%}
            {{ invalid_setting(name, value, 'true or false') }}
        {%- endif -%}
    {%- elif name == 'hsa_block_taken' -%}
        {%- if value not in ('first', 'last') -%}
            {{ invalid_setting(name, value, 'first or last') }}
        {%- endif -%}
    {%- elif name == 'default_attribution_report' -%}
        {%- if value not in attribution_reports() -%}
            {{ invalid_setting(name, value, 'one of ' ~ attribution_reports() | join(', ')) }}
        {%- endif -%}
    {%- endif -%}
    {{ return(value) }}
{%- endmacro %}

{% macro invalid_setting(name, value, rule) -%}
    {{ exceptions.raise_compiler_error(
        'adledger: vars.' ~ name ~ ' is ' ~ value ~ ': it must be ' ~ rule ~ ' (dbt_project/dbt_project.yml)'
    ) }}
{%- endmacro %}
