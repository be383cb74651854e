with mapped as (
    select
        network,
        account_id,
        conversion_action_id,
        is_form,
        origin,
        form_id,
        coalesce(valid_from, date '0001-01-01') as valid_from,
        lead(valid_from, 1, date '9999-12-31') over (
            partition by network, account_id, conversion_action_id
            order by coalesce(valid_from, date '0001-01-01')
        ) as valid_until
    from {{ ref('conversion_action_map') }}
),

-- each change starts a new row
starts as (
    select
        network,
        account_id,
        conversion_action_id,
        valid_from
    from {{ ref('int_conversion_action_versions') }}
    union
    select
        network,
        account_id,
        conversion_action_id,
        valid_from
    from mapped
),

spans as (
    select
        *,
        lead(valid_from, 1, date '9999-12-31') over (
            partition by network, account_id, conversion_action_id
            order by valid_from
        ) as valid_until
    from starts
)

select
    spans.network,
    spans.account_id,
    spans.conversion_action_id,
    versions.conversion_action_name,
    versions.action_category,
    versions.status,
    coalesce(mapped.origin, versions.origin) as origin,
    -- the map's origin has precedence
    coalesce(
        regexp_matches(lower(mapped.origin), '^(upload|offline|conversions_api|crm|hubspot_sync)'), versions.is_uploaded
    ) as is_uploaded,
    coalesce(versions.counts_every, false) as counts_every,
    versions.attribution_model,
    versions.click_window_days,
    versions.view_window_days,
    coalesce(versions.is_in_headline, false) as is_in_headline,
    coalesce(mapped.is_form, categories.is_form, versions.is_form) as is_form,
    case
        when mapped.is_form is not null then 'map'
        when coalesce(categories.is_form, versions.is_form) is not null then 'category'
    end as is_form_source,
    mapped.form_id,
    spans.valid_from,
    spans.valid_until
from spans
inner join {{ ref('int_conversion_action_versions') }} as versions
    on
        spans.network = versions.network
        and spans.account_id = versions.account_id
        and spans.conversion_action_id = versions.conversion_action_id
        and {{ holds_on('versions', 'spans.valid_from') }}
left join mapped
    on
        spans.network = mapped.network
        and spans.account_id = mapped.account_id
        and spans.conversion_action_id = mapped.conversion_action_id
        and {{ holds_on('mapped', 'spans.valid_from') }}
left join {{ ref('conversion_categories') }} as categories
    on spans.network = categories.network and versions.action_category = categories.action_category
