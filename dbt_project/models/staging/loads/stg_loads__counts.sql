{% set sources = ['hubspot'] + var('networks') + ['landing_pages'] -%}
{% for origin in sources -%}
    select
        '{{ origin }}' as source,
        resource,
        split_part(id, '|', 2) as scope,
        loaded_at,
        received,
        landed,
        duplicates,
        quarantined
    from {{ source(origin, 'load_counts') }}
    {% if not loop.last -%}
        union all
    {% endif -%}
{% endfor -%}
