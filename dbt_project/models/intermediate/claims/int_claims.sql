with submissions as (
    select
        submissions.*,
        leads.status as lead_status,
        case
            when submissions.form_type != 'lead_ad' then 'form_submission'
            else 'lead'
        end as event_type
    from {{ ref('fct_form_submissions') }} as submissions
    left join {{ ref('lead_sync') }} as leads on submissions.submission_id = leads.submission_id
),

-- a lead without a submission is a separate event
lost_leads as (
    select
        concat_ws(':', network, 'lead', lead_id) as submission_id,
        *
    from {{ ref('lead_sync') }}
    where submission_id is null and campaign_id is not null and status != 'no_ad'
),

events as (
    select
        submission_id,
        event_type,
        contact_id,
        form_id,
        submitted_at as occurred_at,
        lead_status
    from submissions
    union all by name
    select
        submission_id,
        'lead' as event_type,
        contact_id,
        form_id,
        created_at as occurred_at,
        status as lead_status
    from lost_leads
),

-- the contact's earlier clicks, each as the session it started
clicks as (
    select
        submissions.submission_id,
        {{ ad_key('named.') }},
        named.named_by,
        named.claim_source,
        sessions.started_at as clicked_at,
        sessions.session_id as click_session_id,
        sessions.session_number as click_session_number,
        sessions.ended_at as click_session_ended_at,
        named.click_id_type,
        named.click_id,
        named.is_exact_click
    from submissions
    inner join {{ ref('fct_sessions') }} as sessions
        on submissions.contact_id = sessions.contact_id and submissions.submitted_at >= sessions.started_at
    inner join {{ ref('int_named_campaigns') }} as named
        on named.claim_source = 'click_session' and sessions.session_id = named.landing_id
    where submissions.event_type = 'form_submission'
),

candidates as (
    select * from clicks
    union all by name
    -- the URL of the form's page, for clicks without a known session
    select
        submissions.submission_id,
        {{ ad_key('named.') }},
        named.named_by,
        named.claim_source,
        submissions.submitted_at as clicked_at,
        named.click_id_type,
        named.click_id,
        named.is_exact_click
    from submissions
    inner join {{ ref('int_named_campaigns') }} as named
        on named.claim_source = 'submission_url' and submissions.submission_id = named.landing_id
    where
        not coalesce(submissions.is_tracked, false)
        or not exists (
            select 1
            from clicks
            where clicks.submission_id = submissions.submission_id and {{ same_campaign('clicks', 'named') }}
        )
    union all by name
    select
        submission_id,
        {{ ad_key() }},
        case when {{ url_id_param('page_url', 'hsa_cam') }} is not null then 'hsa' else 'network_lead' end as named_by,
        'lead_ad' as claim_source,
        submitted_at as clicked_at
    from submissions
    where event_type = 'lead'
    union all by name
    select
        submission_id,
        {{ ad_key() }},
        'network_lead' as named_by,
        'lead_ad' as claim_source,
        created_at as clicked_at
    from lost_leads
),

latest as (
    select *
    from candidates
    where network is not null and account_id is not null and campaign_id is not null
    qualify row_number() over (
        partition by submission_id, {{ ad_key() }}
        order by clicked_at desc, claim_source asc
    ) = 1
),

dated as (
    select
        latest.* exclude (is_exact_click, click_id),
        coalesce(latest.is_exact_click, false) as is_exact_click,
        -- a click is identified by its click id: the one in the form's page URL, else the session's
        coalesce(form_clicks.click_id, latest.click_id, latest.click_session_id, latest.claim_source) as click,
        events.contact_id,
        events.form_id,
        events.occurred_at,
        {{ day_in('events.occurred_at', 'accounts.time_zone') }} as date,
        events.event_type,
        events.lead_status,
        coalesce(events.lead_status = 'test_lead', false) as is_test,
        rules.click_window_days,
        rules.repeat_window_days,
        rules.last_touch_of,
        rules.counts_every,
        mapped.is_in_headline as mapped_action_in_headline
    from latest
    inner join events on latest.submission_id = events.submission_id
    inner join {{ ref('int_accounts') }} as accounts
        on latest.network = accounts.network and latest.account_id = accounts.account_id
    left join {{ ref('int_named_campaigns') }} as form_clicks
        on
            form_clicks.claim_source = 'submission_url'
            and latest.submission_id = form_clicks.landing_id
            and {{ same_campaign('latest', 'form_clicks') }}
    left join {{ ref('int_campaign_rules') }} as rules
        on
            latest.network = rules.network
            and latest.account_id = rules.account_id
            and (
                rules.click_window_level = 'account'
                or (
                    latest.campaign_id = rules.campaign_id
                    and latest.ad_group_id is not distinct from rules.ad_group_id
                )
            )
    left join {{ ref('int_conversion_actions') }} as mapped
        on
            latest.network = mapped.network
            and latest.account_id = mapped.account_id
            and events.form_id = mapped.form_id
            and {{ holds_on('mapped', day_in('events.occurred_at', 'accounts.time_zone')) }}
    -- a form with several actions counts if any of them counts
    qualify row_number() over (
        partition by latest.submission_id, {{ ad_key('latest.') }}
        order by mapped.is_in_headline desc nulls last, mapped.conversion_action_id asc
    ) = 1
),

windows as (
    select
        dated.* exclude (click_window_days),
        coalesce(
            dated.click_window_days, {{ by_network('default_click_window_days', 'dated.network') }}
        ) as click_window_days,
        -- claims of several ads on one submission share its instant; none is earlier
        max(dated.occurred_at) over (
            partition by
                dated.contact_id, dated.network, dated.account_id, dated.form_id,
                case dated.last_touch_of when 'ad_group' then dated.ad_group_id when 'account' then '' else dated.campaign_id end
            order by dated.occurred_at
            range between unbounded preceding and interval '1 microsecond' preceding
        ) as previous_counted_at,
        row_number() over (
            partition by dated.contact_id, {{ ad_key('dated.') }}, dated.form_id, dated.click
            order by dated.occurred_at, dated.submission_id
        ) as number_after_click,
        row_number() over (
            partition by
                dated.submission_id, dated.network, dated.account_id,
                case dated.last_touch_of when 'ad_group' then dated.ad_group_id end
            order by dated.clicked_at desc, dated.is_exact_click desc, {{ ad_key('dated.') }}
        ) as touches_back
    from dated
),

judged as (
    select
        *,
        event_type = 'lead'
        or occurred_at <= clicked_at + to_days(cast(click_window_days as integer)) as is_in_window,
        case
            when event_type = 'lead' then true
            when counts_every or contact_id is null then true
            when {{ by_network('counts_once_per', 'network') }} = 'window'
                then
                    previous_counted_at is null
                    or previous_counted_at
                    < occurred_at - to_days(cast(coalesce(repeat_window_days, click_window_days) as integer))
            else number_after_click = 1
        end as is_countable,
        coalesce(mapped_action_in_headline, true) as is_headline_action,
        event_type = 'lead' or last_touch_of is null or touches_back = 1 as is_last_touch
    from windows
)

select
    judged.*,
    judged.is_in_window and judged.is_countable and judged.is_headline_action as could_count,
    exists(
        select 1
        from {{ ref('int_credits') }} as credits
        where
            credits.attribution_report = '{{ setting("default_attribution_report") }}'
            and credits.event_id = judged.submission_id
            and {{ same_ad('credits', 'judged') }}
    ) as is_credited_by_default
from judged
