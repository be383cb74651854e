{{ config(materialized='incremental', built_per='day', on_schema_change='fail') }}
-- the start comes from the network's figures, the end from HubSpot's credits, the residuals only from the allocation of claims
with reports as (
    {{ attribution_report_rows() }}
),

campaign_days as (
    select
        reports.attribution_report,
        figures.*
    from {{ ref('int_campaign_days') }} as figures
    cross join reports
    where {{ only_changed_days('figures.') }}
),

ledger as (
    select * from {{ ref('conversion_ledger') }}
    where {{ only_changed_days() }}
),

network_steps as (
    select
        attribution_report,
        network,
        account_id,
        campaign_id,
        date,
        {{ network_steps() }} as step
    from campaign_days
),

claim_steps as (
    select
        attribution_report,
        network,
        account_id,
        campaign_id,
        date,
        reason_code as step,
        evidence_class,
        {{ claim_units() }} as units
    from ledger
    where reason_code is not null
    group by attribution_report, network, account_id, campaign_id, date, reason_code, evidence_class
),

allocated as (
    select
        attribution_report,
        network,
        account_id,
        campaign_id,
        date,
        sum(network_units) as units
    from ledger
    group by attribution_report, network, account_id, campaign_id, date
),

-- network conversions without a claim
untraced as (
    select
        campaign_days.attribution_report,
        campaign_days.network,
        campaign_days.account_id,
        campaign_days.campaign_id,
        campaign_days.date,
        'no_trace_in_hubspot' as step,
        coalesce(allocated.units, 0)
        - greatest(campaign_days.click_units, 0)
        - greatest(campaign_days.lead_units, 0) as units
    from campaign_days
    left join allocated
        on
            campaign_days.attribution_report = allocated.attribution_report
            and {{ same_campaign('campaign_days', 'allocated') }}
            and campaign_days.date = allocated.date
),

credited as (
    select
        credits.attribution_report,
        credits.network,
        credits.account_id,
        credits.campaign_id,
        credits.date,
        'hubspot_contacts' as step,
        cast(count(distinct credits.contact_id) as decimal(18, 6)) as units
    from {{ ref('int_credits') }} as credits
    inner join {{ ref('int_days_read') }} as days_read
        on
            credits.network = days_read.network
            and credits.account_id = days_read.account_id
            and credits.date = days_read.date
    where credits.is_counted_event and {{ only_changed_days('credits.') }}
    group by credits.attribution_report, credits.network, credits.account_id, credits.campaign_id, credits.date
),

-- every group has a start and an end, even if zero
groups as (
    select
        attribution_report,
        network,
        account_id,
        campaign_id,
        date
    from campaign_days
    union
    select
        attribution_report,
        network,
        account_id,
        campaign_id,
        date
    from ledger
),

steps as (
    select
        * exclude (step),
        step.step,
        step.units
    from network_steps
    union all by name
    select * from claim_steps
    union all by name
    select * from untraced
    union all by name
    select * from credited
    union all by name
    select
        *,
        unnest(['network_conversions', 'hubspot_contacts']) as step,
        cast(0 as decimal(18, 6)) as units
    from groups
)

{{ bridge_rows('steps', 'steps.network, steps.account_id, steps.campaign_id') }}
