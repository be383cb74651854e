with google_figures as (
    -- actions of an inaccessible manager account have figures but no settings
    select
        account_id,
        conversion_action_id,
        max(conversion_action_name) as conversion_action_name,
        max(action_category) as action_category
    from {{ ref('stg_google_ads__campaign_conversions') }}
    group by account_id, conversion_action_id
),

versions as (
    select
        'google_ads' as network,
        account_id,
        conversion_action_id,
        conversion_action_name,
        action_category,
        status,
        origin,
        -- enhanced conversions for leads are uploads too; imports from Analytics are events of a tag. Store sales are
        -- matched from uploaded data: https://developers.google.com/google-ads/api/docs/conversions/categories
        nullif(
            conversion_action_type
            in ('UPLOAD_CLICKS', 'UPLOAD_CALLS', 'SALESFORCE', 'STORE_SALES_DIRECT_UPLOAD', 'STORE_SALES'),
            false
        ) as is_uploaded,
        -- https://support.google.com/google-ads/answer/3438531
        counting_type = 'MANY_PER_CLICK' as counts_every,
        attribution_model,
        click_window_days,
        view_window_days,
        is_in_headline,
        valid_from,
        valid_until
    from {{ ref('int_google_ads__conversion_action_versions') }}
    union all by name
    select
        'google_ads' as network,
        figures.*,
        false as counts_every,
        true as is_in_headline,
        date '0001-01-01' as valid_from,
        date '9999-12-31' as valid_until
    from google_figures as figures
    where
        not exists (
            select 1
            from {{ ref('stg_google_ads__conversion_action_versions') }} as listed
            where
                figures.account_id = listed.account_id
                and figures.conversion_action_id = listed.conversion_action_id
        )
    union all by name
    select
        'linkedin_ads' as network,
        account_id,
        conversion_action_id,
        conversion_action_name,
        action_category,
        conversion_method as origin,
        -- CONVERSIONS_API is the documented value; files and CRM systems are the other sources without a tag:
        -- https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads-reporting/conversions-api-schema
        regexp_matches(conversion_method, 'CONVERSIONS_API|OFFLINE|UPLOAD|CSV|CRM') as is_uploaded,
        -- one member counts once in the window: https://www.linkedin.com/help/lms/answer/a426359
        false as counts_every,
        attribution_type as attribution_model,
        click_window_days,
        view_window_days,
        is_enabled as is_in_headline,
        valid_from,
        valid_until
    from {{ ref('int_linkedin_ads__conversion_rule_versions') }}
    union all by name
    select
        'linkedin_ads' as network,
        account_id,
        'one_click_leads' as conversion_action_id,
        'Leads (on LinkedIn)' as conversion_action_name,
        'LEAD' as action_category,
        false as counts_every,
        true as is_in_headline,
        date '0001-01-01' as valid_from,
        date '9999-12-31' as valid_until
    from {{ ref('stg_linkedin_ads__accounts') }}
    union all by name
    select
        'facebook_ads' as network,
        accounts.account_id,
        headline.action_type as conversion_action_id,
        headline.action_name as conversion_action_name,
        headline.action_category,
        nullif(regexp_extract(headline.action_type, '^(offsite|onsite|offline)_conversion', 1), '') as origin,
        -- pixel and Conversions API share the other types; only the map separates them:
        -- https://developers.facebook.com/docs/marketing-api/conversions-api/offline-events
        starts_with(headline.action_type, 'offline_conversion.') as is_uploaded,
        -- Meta counts actions, not people
        true as counts_every,
        true as is_in_headline,
        date '0001-01-01' as valid_from,
        date '9999-12-31' as valid_until
    from {{ ref('stg_facebook_ads__accounts') }} as accounts
    cross join {{ ref('facebook_headline_actions') }} as headline
),

mapped as (
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
    from versions
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
    coalesce(mapped.is_form, categories.is_form, headline.is_form) as is_form,
    case
        when mapped.is_form is not null then 'map'
        when coalesce(categories.is_form, headline.is_form) is not null then 'category'
    end as is_form_source,
    mapped.form_id,
    spans.valid_from,
    spans.valid_until
from spans
inner join versions
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
left join {{ ref('facebook_headline_actions') }} as headline
    on spans.network = 'facebook_ads' and spans.conversion_action_id = headline.action_type
