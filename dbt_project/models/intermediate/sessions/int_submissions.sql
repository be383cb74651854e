with counted_limits as (
    -- the property keeps the 800 most recent entries; older submissions count although it no longer lists them
    select
        contact_id,
        case when count(*) >= 800 then min(submitted_at) end as listed_since
    from {{ ref('int_counted_submissions') }}
    group by contact_id
),

entries as (
    select
        entries.submission_id,
        entries.form_id,
        entries.submitted_at,
        entries.page_url,
        entries.erased_contact_id,
        emails.contact_id as email_contact_id
    from {{ ref('stg_hubspot__form_submissions') }} as entries
    left join {{ ref('int_contact_emails') }} as emails on entries.email_hash = emails.email_hash
),

-- same form, instant and e-mail address
agreed as (
    select
        entries.submission_id,
        counted.contact_id,
        counted.form_id,
        counted.submitted_at
    from entries
    inner join {{ ref('int_counted_submissions') }} as counted
        on
            entries.form_id = counted.form_id
            and entries.submitted_at = counted.submitted_at
            and entries.email_contact_id = counted.contact_id
    qualify row_number() over (
        partition by counted.contact_id, counted.form_id, counted.submitted_at
        order by entries.submission_id
    ) = 1
),

-- form and instant identify the contact if its address changed; each counted entry is one submission
matched as (
    select
        submission_id,
        contact_id
    from agreed
    union all
    select
        left_entries.submission_id,
        left_counted.contact_id
    from (
        select
            submission_id,
            form_id,
            submitted_at,
            row_number() over (partition by form_id, submitted_at order by submission_id) as position
        from entries
        where
            submission_id not in (select agreed.submission_id from agreed)
            -- submissions of erased contacts belong to no other contact
            and erased_contact_id is null
    ) as left_entries
    inner join (
        select
            contact_id,
            form_id,
            submitted_at,
            row_number() over (partition by form_id, submitted_at order by contact_id) as position
        from {{ ref('int_counted_submissions') }}
        where (contact_id, form_id, submitted_at) not in (
            select (agreed.contact_id, agreed.form_id, agreed.submitted_at) from agreed
        )
    ) as left_counted
        using (form_id, submitted_at, position)
),

log_entries as (
    select
        entries.submission_id,
        entries.form_id,
        entries.submitted_at,
        entries.page_url,
        coalesce(matched.contact_id, entries.email_contact_id) as contact_id,
        matched.contact_id is not null as is_listed
    from entries
    left join matched on entries.submission_id = matched.submission_id
),

logged as (
    select
        log_entries.submission_id,
        log_entries.contact_id,
        log_entries.form_id,
        coalesce(forms.form_type, 'unknown') as form_type,
        log_entries.submitted_at,
        log_entries.page_url,
        case
            -- without any listed submission, counted or not is unknown
            when log_entries.contact_id is not null and exists (select 1 from {{ ref('int_counted_submissions') }})
                then not (log_entries.is_listed or coalesce(log_entries.submitted_at < counted_limits.listed_since, false))
            when log_entries.contact_id is not null then false
        end as is_filtered
    from log_entries
    left join {{ ref('stg_hubspot__forms') }} as forms on log_entries.form_id = forms.form_id
    left join counted_limits on log_entries.contact_id = counted_limits.contact_id
),

-- counted, but in no form's log: lead ads, whose forms the API does not list, and deleted forms
unlogged as (
    select
        concat_ws(':', counted.form_id, epoch_ms(counted.submitted_at), counted.contact_id) as submission_id,
        counted.contact_id,
        counted.form_id,
        case
            when forms.form_id is null and counted.page_id is null then 'lead_ad'
            else coalesce(forms.form_type, 'unknown')
        end as form_type,
        counted.submitted_at,
        cast(null as varchar) as page_url,
        false as is_filtered
    from {{ ref('int_counted_submissions') }} as counted
    left join {{ ref('stg_hubspot__forms') }} as forms on counted.form_id = forms.form_id
    where
        not exists (
            select 1
            from log_entries
            where
                log_entries.contact_id = counted.contact_id
                and log_entries.form_id = counted.form_id
                and log_entries.submitted_at = counted.submitted_at
        )
),

submissions as (
    select * from logged
    union all by name
    select * from unlogged
),

lead_ad_urls as (
    select
        submissions.submission_id,
        arg_min(
            history.url, (abs(epoch_ms(history.seen_at) - epoch_ms(submissions.submitted_at)), history.url)
        ) as url
    from submissions
    inner join {{ ref('int_lead_ad_urls') }} as history
        on
            submissions.contact_id = history.contact_id
            and abs(epoch_ms(history.seen_at) - epoch_ms(submissions.submitted_at))
            <= {{ setting("lead_ad_url_hours") }} * 3600000
    where submissions.form_type = 'lead_ad'
    group by submissions.submission_id
),

-- without a URL in the properties: the network's nearest lead with the same e-mail address
network_leads as (
    select
        submissions.submission_id,
        leads.network,
        leads.account_id,
        leads.campaign_id,
        leads.ad_group_id,
        leads.ad_id
    from submissions
    inner join (
        select
            contact_id,
            unnest(email_hashes) as email_hash
        from {{ ref('int_contacts') }}
    ) as emails on submissions.contact_id = emails.contact_id
    inner join {{ ref('int_network_leads') }} as leads on emails.email_hash = leads.email_hash
    where
        submissions.form_type = 'lead_ad'
        and submissions.submission_id not in (select lead_ad_urls.submission_id from lead_ad_urls)
        and leads.account_id is not null
        and leads.campaign_id is not null
        and abs(epoch_ms(leads.created_at) - epoch_ms(submissions.submitted_at))
        <= {{ setting("lead_ad_url_hours") }} * 3600000
    qualify
        row_number() over (
            partition by submissions.submission_id
            order by abs(epoch_ms(leads.created_at) - epoch_ms(submissions.submitted_at)), leads.network, leads.lead_id
        ) = 1
)

select
    submissions.submission_id,
    submissions.contact_id,
    submissions.form_id,
    submissions.form_type,
    submissions.submitted_at,
    coalesce(lead_ad_urls.url, submissions.page_url) as page_url,
    submissions.is_filtered,
    {{ ad_key('network_leads.') }}
from submissions
left join lead_ad_urls on submissions.submission_id = lead_ad_urls.submission_id
left join network_leads on submissions.submission_id = network_leads.submission_id
