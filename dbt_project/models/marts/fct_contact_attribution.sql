{{ config(materialized='incremental', on_schema_change='fail', post_hook="{{ remember_built_contacts() }}") }}
-- each report selects from the contact's ad interactions (vectors A1 to A19)
with interactions as (
    select
        contact_id,
        {{ ad_key() }},
        session_id as interaction_id,
        session_id,
        started_at as interaction_at,
        'ad_click' as interaction_type,
        evidence_source
    from {{ ref('fct_sessions') }}
    where is_ad_click and {{ only_changed() }}
    union all by name
    select
        contact_id,
        {{ ad_key() }},
        submission_id as interaction_id,
        cast(null as varchar) as session_id,
        submitted_at as interaction_at,
        'lead_ad' as interaction_type,
        'lead_ad' as evidence_source
    from {{ ref('fct_form_submissions') }}
    where
        form_type = 'lead_ad'
        and conversion_number is not null
        and network is not null
        and account_id is not null
        and campaign_id is not null
        and {{ only_changed() }}
),

conversions as (
    select
        contact_id,
        submitted_at as converted_at,
        arg_min(submission_id, conversion_number) as submission_id
    from {{ ref('fct_form_submissions') }}
    where conversion_number is not null and {{ only_changed() }}
    group by contact_id, submitted_at
),

-- an interaction is credited at its first conversion at or after it
credits as (
    select
        interactions.*,
        conversions.submission_id,
        coalesce(conversions.converted_at, interactions.interaction_at) as credited_at
    from interactions
    asof left join conversions
        on interactions.contact_id = conversions.contact_id and interactions.interaction_at <= conversions.converted_at
),

first_conversions as (
    select
        contact_id,
        converted_at,
        existed_before_conversion,
        case when is_lead_ad then submission_id when is_ad_session then session_id end as interaction_id
    from {{ ref('fct_first_conversions') }}
    where {{ only_changed() }}
),

reports as (
    select
        'first_form_submission' as attribution_report,
        credits.*
    from credits
    inner join first_conversions
        on credits.contact_id = first_conversions.contact_id and credits.interaction_id = first_conversions.interaction_id
    union all
    select
        'first_form_submission_new_contact' as attribution_report,
        credits.*
    from credits
    inner join first_conversions
        on credits.contact_id = first_conversions.contact_id and credits.interaction_id = first_conversions.interaction_id
    where not first_conversions.existed_before_conversion
    union all
    select
        'influenced_first_form_submission' as attribution_report,
        credits.*
    from credits
    inner join first_conversions
        on
            credits.contact_id = first_conversions.contact_id
            and credits.interaction_at <= first_conversions.converted_at
    union all
    (
        select
            'first_ad_interaction' as attribution_report,
            *
        from credits
        qualify row_number() over (partition by contact_id order by interaction_at, interaction_id) = 1
    )
    union all
    (
        select
            'last_ad_interaction' as attribution_report,
            *
        from credits
        where submission_id is not null
        qualify row_number() over (partition by contact_id order by interaction_at desc, interaction_id desc) = 1
    )
    union all
    select
        'all_ad_interactions' as attribution_report,
        *
    from credits
)

-- an ad is credited once per report and contact, for its earliest eligible interaction
select
    attribution_report,
    contact_id,
    {{ ad_key() }},
    interaction_at,
    interaction_type,
    credited_at,
    submission_id,
    session_id,
    evidence_source
from reports
qualify
    row_number() over (
        partition by attribution_report, contact_id, {{ ad_key() }}
        order by interaction_at, interaction_id
    ) = 1
