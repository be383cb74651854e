{% set sources = ['hubspot'] + var('networks') + ['landing_pages'] -%}
{% for origin in sources -%}
    select
        id as record_id,
        '{{ origin }}' as source,
        resource,
        record,
        reason,
        loaded_at
    from {{ source(origin, 'quarantine') }}
    {% if not loop.last -%}
        union all
    {% endif -%}
{% endfor -%}
