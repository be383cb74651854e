{% set sources = ['hubspot'] + var('networks') -%}
{% for origin in sources -%}
    select
        '{{ origin }}' as source,
        input,
        title,
        how_to_add,
        {% if origin == 'hubspot' -%}
            -- page views exist only in HubSpot Enterprise portals
            is_available
            and (input != 'page_views' or exists (select 1 from {{ source('hubspot', 'page_view_events') }})) as is_available
        {%- else -%}
            is_available
        {%- endif %}
    from {{ source(origin, 'available_inputs') }}
    {% if not loop.last -%}
        union all
    {% endif -%}
{% endfor -%}
