{% set sources = ['hubspot', 'google_ads', 'facebook_ads', 'linkedin_ads', 'landing_pages'] -%}
{% for origin in sources -%}
    select
        id as fault_id,
        '{{ origin }}' as source,
        kind,
        resource,
        account_id,
        subject,
        date,
        records,
        seen,
        fix,
        since,
        loaded_at
    from {{ source(origin, 'load_faults') }}
    {% if not loop.last -%}
        union all
    {% endif -%}
{% endfor -%}
