with portal as (
    select 1 as lacks_page_views
    where not exists (select 1 from {{ ref('stg_hubspot__page_views') }})
),

-- joined, so that a portal with page views reads no history
wanted as (
    select
        unnest([
            'hs_analytics_source',
            'hs_latest_source',
            'hs_analytics_last_url',
            'hs_google_click_id',
            'hs_facebook_click_id',
            'hs_linkedin_click_id'
        ]) as property
    from portal
),

histories as (
    select
        aliases.contact_id,
        histories.property,
        histories.value,
        histories.seen_at
    from {{ ref('stg_hubspot__property_history') }} as histories
    inner join wanted on histories.property = wanted.property
    inner join {{ ref('int_contact_aliases') }} as aliases on histories.contact_id = aliases.alias_id
),

sources as (
    select
        contact_id,
        property,
        value as source,
        seen_at
    from histories
    where property in ('hs_analytics_source', 'hs_latest_source') and value != 'OFFLINE'
),

click_ids as (
    select
        contact_id,
        seen_at,
        any_value(value) filter (where property = 'hs_google_click_id') as gclid,
        any_value(value) filter (where property = 'hs_facebook_click_id') as fbclid,
        any_value(value) filter (where property = 'hs_linkedin_click_id') as li_fat_id
    from histories
    group by contact_id, seen_at
),

first_visits as (
    select
        contacts.contact_id,
        contacts.first_url as url,
        contacts.first_referrer as referrer,
        coalesce(contacts.first_visit_at, contacts.first_seen_at) as occurred_at,
        coalesce(original.source, contacts.original_source) as source
    from {{ ref('int_contacts') }} as contacts
    left join (
        select
            contact_id,
            arg_max(source, seen_at) as source
        from sources
        where property = 'hs_analytics_source'
        group by contact_id
    ) as original on contacts.contact_id = original.contact_id
    where contacts.first_visit_at is not null or contacts.original_source != 'OFFLINE'
),

latest_visits as (
    select
        contact_id,
        last_url as url,
        last_referrer as referrer,
        latest_source_at as occurred_at,
        latest_source as source
    from {{ ref('int_contacts') }}
    where latest_source != 'OFFLINE'
),

-- HubSpot sets a value when the visit becomes known: for the visit that made the contact, shortly after its submission
dated as (
    select
        urls.contact_id,
        urls.value as url,
        urls.seen_at,
        -- what first became known may hold the click id of any visit before
        urls.seen_at > min(urls.seen_at) over (partition by urls.contact_id) as is_known_before,
        submissions.submitted_at
    from histories as urls
    asof left join (
        select
            contact_id,
            submitted_at
        from {{ ref('int_submissions') }}
        where contact_id is not null and form_type != 'lead_ad'
    ) as submissions
        on urls.contact_id = submissions.contact_id and urls.seen_at >= submissions.submitted_at
    where urls.property = 'hs_analytics_last_url'
),

known_visits as (
    select
        dated.contact_id,
        dated.url,
        cast(null as varchar) as referrer,
        case
            when dated.seen_at <= dated.submitted_at + interval '{{ setting("analytics_delay_minutes") }} minutes'
                then dated.submitted_at
            else dated.seen_at
        end as occurred_at,
        sources.source,
        click_ids.gclid,
        click_ids.fbclid,
        click_ids.li_fat_id
    from dated
    asof left join (
        select
            contact_id,
            source,
            seen_at
        from sources
        where property = 'hs_latest_source'
    ) as sources
        on dated.contact_id = sources.contact_id and dated.seen_at >= sources.seen_at
    left join click_ids
        on dated.contact_id = click_ids.contact_id and dated.seen_at = click_ids.seen_at and dated.is_known_before
),

visits as (
    select * from first_visits
    union all by name
    select * from latest_visits
    union all by name
    select * from known_visits
)

select
    contact_id,
    md5(concat_ws('|', contact_id, epoch_us(occurred_at), url)) as visit_id,
    occurred_at,
    url,
    -- where one visit is known twice, the current properties say more than the history
    max(referrer) as referrer,
    max(source) as source,
    max(gclid) as gclid,
    max(fbclid) as fbclid,
    max(li_fat_id) as li_fat_id
from visits
cross join portal
where
    nullif(url, '') is not null
    and occurred_at <= {{ as_of() }}
    -- a synced lead is no visit
    and {{ url_param('url', 'hsa_la') }} is distinct from 'true'
group by contact_id, occurred_at, url
