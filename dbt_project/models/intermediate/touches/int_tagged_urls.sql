-- the only model that parses URLs; URLs parsed by the last build are reused
{%- set parsed = this if is_update() else none %}
with urls as (
    select url from {{ ref('stg_hubspot__page_views') }}
    union
    select unnest([first_url, last_url]) as url from {{ ref('stg_hubspot__contacts') }}
    union
    select value as url from {{ ref('stg_hubspot__property_history') }}
    where property in ('hs_analytics_first_url', 'hs_analytics_last_url')
    union
    select page_url as url from {{ ref('int_submissions') }}
),

tagged as (
    select
        urls.url,
        {{ tagged_url('urls.url') }} as tagged_url
    from urls
    where
        contains(urls.url, '?')
        and {{ 'true' if parsed is none else 'urls.url not in (select known.url from ' ~ this ~ ' as known)' }}
)

select
    tagged.url,
    {{ hsa_columns('tagged.tagged_url') }},
    {{ url_param('tagged.tagged_url', 'utm_source') }} as utm_source,
    {{ url_param('tagged.tagged_url', 'utm_medium') }} as utm_medium,
    {{ url_param('tagged.tagged_url', 'utm_campaign') }} as utm_campaign,
    {{ url_id_param('tagged.tagged_url', 'utm_id') }} as utm_id,
    coalesce({{ url_param('tagged.tagged_url', 'utm_term') }}, {{ url_param('tagged.tagged_url', 'hsa_kw') }}) as search_term,
    {{ url_param('tagged.tagged_url', 'source') }} as source_param,
    {{ url_id_param('tagged.tagged_url', 'gad_campaignid') }} as gad_campaign_id,
    coalesce({{ click_ids('tagged.tagged_url') }}, []) as click_ids,
    contains(tagged.tagged_url, 'hsa_cam=') or len(click_ids) > 0 as has_click
from tagged
cross join (
    select
        {{ click_id_parameters() }} as click_id_parameters,
        {{ hubspot_names() }} as hubspot_names
) as parameters
where tagged.tagged_url is not null
{%- if parsed is not none %}
union all by name
select known.*
from {{ this }} as known
where known.url in (select urls.url from urls)
{%- endif %}
