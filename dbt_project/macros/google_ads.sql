{# Columns of Google's daily figures. #}
{% macro google_figures() -%}
    impressions,
    clicks,
    {{ amount_of_micros('cost_micros') }} as spend,
    coalesce({{ amount('conversions') }}, 0) as conversions
{%- endmacro %}

{# Columns of Google's figures per conversion action: conversions and their value, those of the headline and all, by the day of
   the click and by that of the conversion. #}
{% macro google_action_figures() -%}
    conversion_action_id,
    conversion_action_name,
    conversion_action_category as action_category,
    conversion_attribution_event_type as attribution_event_type,
    external_conversion_source,
    {%- for which in ['conversions', 'all_conversions'] %}
        {%- for figure in [which, which ~ '_value'] %}
            {%- for basis in ['', '_by_conversion_date'] %}
    {{ amount('coalesce(' ~ figure ~ basis ~ ', 0)') if figure ~ basis == 'conversions' else amount(figure ~ basis) }} as {{ figure ~ basis }},
            {%- endfor %}
        {%- endfor %}
    {%- endfor %}
    observed_at
{%- endmacro %}
