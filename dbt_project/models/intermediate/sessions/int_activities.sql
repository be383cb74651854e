-- a view names a source by its ad, its campaign or an external referrer; direct and own-domain views name none
with own_hosts as (
    select distinct host from {{ ref('int_page_views') }}
),

views as (
    select
        views.contact_id,
        views.event_id as activity_id,
        'page_view' as activity_type,
        views.occurred_at,
        views.url,
        views.referrer,
        views.referrer_host,
        coalesce(views.referrer_host in (select own_hosts.host from own_hosts), false) as is_own_referrer,
        cast(null as boolean) as is_tracked,
        {{ hsa_columns('views.url') }},
        {{ url_param('views.url', 'utm_source') }} as utm_source,
        {{ url_param('views.url', 'utm_medium') }} as utm_medium,
        {{ url_param('views.url', 'utm_campaign') }} as utm_campaign
    from {{ ref('int_page_views') }} as views
),

submissions as (
    select
        contact_id,
        submission_id as activity_id,
        'submission' as activity_type,
        submitted_at as occurred_at,
        page_url as url,
        cast(null as varchar) as referrer,
        cast(null as varchar) as referrer_host,
        false as is_own_referrer,
        is_tracked,
        {{ hsa_columns('page_url') }},
        {{ url_param('page_url', 'utm_source') }} as utm_source,
        {{ url_param('page_url', 'utm_medium') }} as utm_medium,
        {{ url_param('page_url', 'utm_campaign') }} as utm_campaign
    from {{ ref('int_submissions') }}
    where contact_id is not null and form_type != 'lead_ad' and not coalesce(is_filtered, true)
),

activities as (
    select * from views
    union all by name
    select * from submissions
),

click_ids as (
    select
        activities.*,
        {{ url_param('url', 'gclid') }} as gclid,
        coalesce(
            {{ url_param('url', 'gclid') }},
            {{ url_param('url', 'gbraid') }},
            {{ url_param('url', 'wbraid') }},
            {{ url_param('url', 'fbclid') }},
            {{ url_param('url', 'li_fat_id') }},
            {{ url_param('url', 'msclkid') }},
            {{ url_param('url', 'ttclid') }}
        ) as click_id,
        case
            when {{ url_param('url', 'gclid') }} is not null then 'gclid'
            when {{ url_param('url', 'gbraid') }} is not null then 'gbraid'
            when {{ url_param('url', 'wbraid') }} is not null then 'wbraid'
            when {{ url_param('url', 'fbclid') }} is not null then 'fbclid'
            when {{ url_param('url', 'li_fat_id') }} is not null then 'li_fat_id'
            when {{ url_param('url', 'msclkid') }} is not null then 'msclkid'
            when {{ url_param('url', 'ttclid') }} is not null then 'ttclid'
        end as click_id_type
    from activities
)

select
    *,
    -- a submission never starts another source; two views of one ad are one source whatever their click ids
    case
        when activity_type = 'submission' then null
        when hsa_network is not null and hsa_campaign_id is not null
            then
                'ad|' || hsa_network
                || '|' || coalesce(hsa_account_id, '')
                || '|' || hsa_campaign_id
                || '|' || coalesce(hsa_ad_group_id, '')
                || '|' || coalesce(hsa_ad_id, '')
        when coalesce(utm_source, utm_medium, utm_campaign, click_id_type) is not null
            then
                lower(
                    'campaign|' || coalesce(utm_source, '')
                    || '|' || coalesce(utm_medium, '')
                    || '|' || coalesce(utm_campaign, '')
                    || '|' || coalesce(click_id_type, '')
                )
        when referrer_host is not null and not is_own_referrer then 'referrer|' || referrer_host
    end as evidence_key
from click_ids
