-- one row per submission and ad that could claim it: the contact's latest click on that ad at or before the submission, the
-- ad named by an untracked submission's page URL, or the ad of a lead-ad submission
with submissions as (
    select * from {{ ref('fct_form_submissions') }}
),

context as (
    select
        submission_id,
        {{ hsa_columns('page_url') }}
    from submissions
),

candidates as (
    select
        submissions.submission_id,
        sessions.network,
        sessions.account_id,
        sessions.campaign_id,
        sessions.ad_group_id,
        sessions.ad_id,
        'click_session' as claim_source,
        sessions.started_at as clicked_at,
        sessions.session_id as click_session_id,
        sessions.session_number as click_session_number,
        sessions.ended_at as click_session_ended_at,
        sessions.click_id_type
    from submissions
    inner join {{ ref('fct_sessions') }} as sessions
        on
            submissions.contact_id = sessions.contact_id
            and sessions.is_ad_click
            and submissions.submitted_at >= sessions.started_at
    where submissions.form_type != 'lead_ad'
    union all by name
    -- without a cookie the click left no session, yet the page URL still names its ad (vector A6)
    select
        submissions.submission_id,
        context.hsa_network as network,
        context.hsa_account_id as account_id,
        context.hsa_campaign_id as campaign_id,
        context.hsa_ad_group_id as ad_group_id,
        context.hsa_ad_id as ad_id,
        'submission_url' as claim_source,
        submissions.submitted_at as clicked_at
    from submissions
    inner join context on submissions.submission_id = context.submission_id
    where submissions.form_type != 'lead_ad' and not coalesce(submissions.is_tracked, false)
    union all by name
    select
        submission_id,
        network,
        account_id,
        campaign_id,
        ad_group_id,
        ad_id,
        'lead_ad' as claim_source,
        submitted_at as clicked_at
    from submissions
    where form_type = 'lead_ad'
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
        latest.*,
        submissions.contact_id,
        submissions.form_id,
        submissions.submitted_at as occurred_at,
        cast(submissions.submitted_at at time zone accounts.time_zone as date) as date,
        case when latest.claim_source = 'lead_ad' then 'lead' else 'form_submission' end as event_type,
        rules.click_window_days,
        rules.counts_every,
        mapped.is_in_headline as mapped_action_in_headline
    from latest
    inner join submissions on latest.submission_id = submissions.submission_id
    inner join {{ ref('int_accounts') }} as accounts
        on latest.network = accounts.network and latest.account_id = accounts.account_id
    left join {{ ref('int_campaign_rules') }} as rules
        on
            latest.network = rules.network
            and latest.account_id = rules.account_id
            and (
                latest.network != 'facebook_ads'
                or (
                    latest.campaign_id = rules.campaign_id
                    and latest.ad_group_id is not distinct from rules.ad_group_id
                )
            )
    left join {{ ref('int_conversion_actions') }} as mapped
        on
            latest.network = mapped.network
            and latest.account_id = mapped.account_id
            and submissions.form_id = mapped.form_id
            and {{ holds_on('mapped', 'cast(submissions.submitted_at at time zone accounts.time_zone as date)') }}
    -- a form counted by several actions counts where any of them does
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
        -- claims of one submission by several ads share its instant and are no earlier one
        max(dated.occurred_at) over (
            partition by dated.contact_id, dated.network, dated.account_id, dated.campaign_id, dated.form_id
            order by dated.occurred_at
            range between unbounded preceding and interval '1 microsecond' preceding
        ) as previous_in_campaign_at,
        row_number() over (
            partition by dated.contact_id, {{ ad_key('dated.') }}, dated.form_id, dated.click_session_id, dated.claim_source
            order by dated.occurred_at, dated.submission_id
        ) as number_after_click
    from dated
),

judged as (
    select
        *,
        event_type = 'lead'
        or occurred_at <= clicked_at + to_days(cast(click_window_days as integer)) as is_in_window,
        case
            when event_type = 'lead' or counts_every or contact_id is null then true
            when network = 'linkedin_ads'
                then
                    previous_in_campaign_at is null
                    or previous_in_campaign_at < occurred_at - to_days(cast(click_window_days as integer))
            else number_after_click = 1
        end as is_countable,
        coalesce(mapped_action_in_headline, true) as is_headline_action
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
