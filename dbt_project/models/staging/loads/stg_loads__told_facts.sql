{% set sources = ['hubspot', 'google_ads', 'facebook_ads', 'linkedin_ads'] -%}
{% for origin in sources -%}
    select
        '{{ origin }}' as source,
        fact,
        title,
        remedy,
        {% if origin == 'hubspot' -%}
            -- the API of a smaller tier has none
            is_told and (fact != 'page_views' or exists (select 1 from {{ source('hubspot', 'page_view_events') }})) as is_told
        {%- else -%}
            is_told
        {%- endif %}
    from {{ source(origin, 'told_facts') }}
    {% if not loop.last -%}
        union all
    {% endif -%}
{% endfor -%}
