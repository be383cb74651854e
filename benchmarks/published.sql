-- Fills the published tables of one company; its size comes in variables. Hashes stand for chance.

create temp table networks as
from (values ('google_ads', 1, 'Google'), ('facebook_ads', 2, 'Facebook'), ('linkedin_ads', 3, 'LinkedIn'))
    as networks(network, number, name);

create temp table campaigns as
select
    networks.network,
    cast(networks.number * 1000 + account.number as varchar) as account_id,
    cast(networks.number * 1000000 + account.number * 10000 + campaign.number as varchar) as campaign_id,
    networks.name || case account.number when 1 then ' Europe' else ' America' end as account_name,
    networks.name || ' campaign ' || campaign.number as campaign_name,
    case account.number when 1 then 'EUR' else 'USD' end as currency,
    row_number() over (order by networks.number, account.number, campaign.number) as place
from networks, range(1, 3) as account(number), range(1, getvariable('campaigns') + 1) as campaign(number);

create temp table ads as
select
    campaigns.*,
    campaigns.campaign_id || '1' as ad_group_id,
    campaigns.campaign_id || '1' || ad.number as ad_id,
    'Ad ' || ad.number as ad_name
from campaigns, range(1, 3) as ad(number);

create temp table days as
select cast(getvariable('last_day') - cast(back.number as integer) as date) as date, back.number as back
from range(0, getvariable('days')) as back(number);

create temp table reports as
from (values
    ('first_form_submission', 0), ('first_form_submission_new_contact', 1), ('influenced_first_form_submission', 2),
    ('first_ad_interaction', 3), ('last_ad_interaction', 4), ('all_ad_interactions', 5)
) as reports(attribution_report, number);

insert into marts.sources
select source, 'landed', case when source <> 'hubspot' then getvariable('last_day') end, getvariable('as_of')
from (select network as source from networks union all select 'hubspot');

insert into marts.dim_campaign by name
select
    network, account_id, campaign_id, campaign_name, account_name, currency as account_currency,
    'UTC' as account_time_zone, false as is_deleted
from campaigns;

insert into marts.dim_ad by name
select network, account_id, campaign_id, ad_group_id, ad_id, ad_name, false as is_deleted from ads;

insert into marts.fct_ad_performance_daily by name
select
    ads.network, ads.account_id, ads.campaign_id, ads.ad_group_id, ads.ad_id, days.date,
    100 as impressions,
    10 as clicks,
    cast(5 + hash(ads.ad_id, days.date) % 1000 / 100 as decimal(18, 6)) as spend,
    ads.currency,
    cast(
        (5 + hash(ads.ad_id, days.date) % 1000 / 100) * case ads.currency when 'EUR' then 1 else 0.9 end
        as decimal(18, 6)
    ) as spend_company_currency,
    'EUR' as company_currency,
    'first_form_submission' as attribution_report
from ads, days;

-- two, three or five visits a contact, three page views each
create temp table visits as
select
    contact,
    visit,
    getvariable('last_day') - to_days(cast(hash(contact) % getvariable('days') as integer))
    + to_minutes(cast(visit * 60 as integer)) as started_at,
    case when hash(contact, visit) % 5 < 2
        then 1 + hash(contact, visit, 'ad') % (select count(*) from campaigns)
    end as place
from (
    select number as contact, unnest(range(1, [3, 4, 6][1 + number % 3])) as visit
    from range(0, getvariable('contacts')) as contact(number)
);

insert into marts.fct_sessions by name
select
    'v' || visits.contact || '-' || visits.visit as session_id,
    cast(70000000000 + visits.contact as varchar) as contact_id,
    visits.visit as session_number,
    visits.started_at,
    visits.started_at + interval 10 minutes as ended_at,
    3 as page_views,
    'https://shop.example/page-' || (visits.contact % 20)
    || case when visits.place is not null
        then '?hsa_cam=' || campaigns.campaign_id || '&utm_source=ads&gclid=SECRET' || visits.contact else ''
    end as landing_page_url,
    case when visits.place is null then 'DIRECT_TRAFFIC' else 'PAID_SEARCH' end as traffic_source,
    campaigns.network, campaigns.account_id, campaigns.campaign_id,
    case when visits.place is not null then 'gclid' end as click_id_type,
    visits.place is not null as is_ad_click,
    'page_views' as evidence_source,
    case when visits.place is not null then 'hsa' end as match_method
from visits
left join campaigns on visits.place = campaigns.place;

-- every third contact sends a form at its first visit, every ninth another at its second
create temp table submissions as
select
    'f' || visits.contact || '-' || visits.visit as submission_id,
    visits.contact,
    visits.visit,
    visits.started_at + interval 5 minutes as submitted_at,
    campaigns.*
from visits
inner join campaigns on 1 + hash(visits.contact, 'claim') % (select count(*) from campaigns) = campaigns.place
where visits.contact % 3 = 0 and (visits.visit = 1 or visits.visit = 2 and visits.contact % 9 = 0);

insert into marts.fct_form_submissions by name
select
    submission_id,
    cast(70000000000 + contact as varchar) as contact_id,
    'form-' || contact % 5 as form_id,
    'hubspot' as form_type,
    submitted_at,
    'https://shop.example/thanks?email=someone%40example.com' as page_url,
    'v' || contact || '-' || visit as session_id,
    visit as conversion_number,
    false as is_filtered,
    true as is_tracked
from submissions;

insert into marts.fct_first_conversions by name
select
    cast(70000000000 + contact as varchar) as contact_id,
    submission_id,
    'v' || contact || '-' || visit as session_id,
    submitted_at as converted_at,
    'PAID_SEARCH' as traffic_source,
    false as is_lead_ad,
    true as is_ad_session,
    false as existed_before_conversion
from submissions
where visit = 1;

-- a report credits a third of the first conversions, and each further one a little more
insert into reconciliation.conversion_ledger by name
with claims as (
    select
        reports.attribution_report,
        submissions.*,
        case
            when visit = 2 then 'repeat_submission'
            when hash(contact, 'outcome') % 20 < 6 + reports.number then null
            when hash(contact, 'outcome') % 20 = 19 then 'outside_network_window'
            else
                ['later_session', 'existing_contact', 'no_tracking_cookie', 'lead_not_synced', 'no_tracking_code'][
                    1 + cast(hash(contact, 'reason') % 5 as integer)
                ]
        end as reason_code
    from submissions, reports
)
select
    attribution_report, network, account_id, campaign_id,
    submission_id as event_id,
    'form_submission' as event_type,
    cast(70000000000 + contact as varchar) as contact_id,
    submitted_at as occurred_at,
    cast(submitted_at as date) as date,
    case when reason_code = 'outside_network_window' then 0 else 1 end as network_units,
    case when reason_code is null or reason_code = 'outside_network_window' then 1 else 0 end as hubspot_units,
    reason_code,
    json_object(
        'campaign_named_by', 'hsa', 'conversion_number', visit, 'click_id_type', 'gclid', 'is_tracked', true,
        'clicked_at', cast(submitted_at - interval 1 day as varchar), 'click_session_id', 'v' || contact || '-1'
    ) as evidence
from claims;

insert into marts.fct_contact_attribution by name
select
    attribution_report, contact_id, network, account_id, campaign_id,
    occurred_at as interaction_at,
    'ad_click' as interaction_type,
    occurred_at as credited_at,
    event_id as submission_id,
    'page_views' as evidence_source
from reconciliation.conversion_ledger
where hubspot_units = 1;

create temp table adjustments as
select attribution_report, network, account_id, campaign_id, date, reason_code as step,
    sum(hubspot_units - network_units) as units
from reconciliation.conversion_ledger
where reason_code is not null
group by all
union all
select reports.attribution_report, campaigns.network, campaigns.account_id, campaigns.campaign_id, days.date,
    aggregate.step,
    case aggregate.step
        when 'no_trace_in_hubspot' then -cast(hash(campaigns.campaign_id, days.date) % 3 as integer)
        when 'view_through' then -cast(hash(campaigns.campaign_id, days.date, 'view') % 4 as integer)
        else -0.25
    end as units
from reports, campaigns, days,
    (values ('no_trace_in_hubspot'), ('view_through'), ('fractional_credit')) as aggregate(step)
where aggregate.step <> 'fractional_credit' or campaigns.network = 'google_ads';

insert into reconciliation.conversion_bridge by name
with ends as (
    select reports.attribution_report, campaigns.network, campaigns.account_id, campaigns.campaign_id, days.date,
        coalesce(sum(ledger.hubspot_units), 0) as units
    from reports cross join campaigns cross join days
    left join reconciliation.conversion_ledger as ledger
        on reports.attribution_report = ledger.attribution_report
        and campaigns.network = ledger.network and campaigns.campaign_id = ledger.campaign_id
        and days.date = ledger.date
    group by all
),
moved as (
    select attribution_report, network, account_id, campaign_id, date, sum(units) as units
    from adjustments
    group by all
),
steps as (
    select *, 'hubspot_contacts' as step from ends
    union all by name
    select * exclude (units), ends.units - coalesce(moved.units, 0) as units, 'network_conversions' as step
    from ends left join moved using (attribution_report, network, account_id, campaign_id, date)
    union all by name
    select * from adjustments where units <> 0
)
select steps.*, labels.step_order, labels.label as step_label, labels.kind, labels.evidence_class
from steps
inner join reason_codes as labels using (step);

insert into reconciliation.actions by name
select
    network, account_id, any_value(campaign_id) as campaign_id, 'campaign' as subject_type,
    any_value(campaign_id) as subject_id, cause, row_number() over (partition by account_id order by cause) as rank,
    count(*) * 1.5 as contacts_gained, count(*) as network_units, 100 as spend_company_currency,
    'Repair *this* & test it.' as advice,
    json_object('campaign_ids', list(campaign_id)) as evidence
from campaigns, unnest(['no_tracking_code', 'auto_tracking_off']) as causes(cause)
group by network, account_id, cause;

insert into reconciliation.lead_sync by name
select
    campaigns.network, campaigns.account_id, campaigns.campaign_id, 'l' || lead.number as lead_id,
    'form-' || lead.number % 3 as form_id,
    getvariable('last_day') - to_days(cast(lead.number % getvariable('days') as integer)) + interval 9 hours as created_at,
    case when lead.number % 7 > 0 then 30 + lead.number % 500 end as latency_seconds,
    case lead.number % 7 when 0 then 'missing' when 1 then 'merged_into_existing' else 'synced' end as status
from range(0, greatest(20, getvariable('contacts') // 20)) as lead(number)
inner join campaigns on 1 + hash(lead.number) % (select count(*) from campaigns) = campaigns.place
where campaigns.network <> 'google_ads';

insert into reconciliation.tracking_health by name
select
    network, account_id, campaign_id, ad_group_id, ad_id,
    case hash(ad_id) % 6 when 0 then 'no_tracking_code' when 1 then 'auto_tracking_parameters_missing' else 'none'
    end as issue_code,
    'https://shop.example/page-' || place % 20 as landing_page_url,
    getvariable('as_of') as checked_at,
    'What was seen, and what to do.' as detail
from ads;

insert into reconciliation.landing_page_snapshots by name
select
    's' || page.number || '-' || look.number as snapshot_id,
    'https://shop.example/page-' || page.number as landing_page_url,
    getvariable('as_of') - to_days(cast(look.number as integer)) as fetched_at,
    200 as http_status,
    [true, false, null][1 + page.number % 3] as has_tracking_code,
    ['script', 'absent', 'tag_manager'][1 + page.number % 3] as detected_by,
    ['network:google_ads', 'issue:none', 'launch'] as tags,
    [] as forms,
    cast(page.number * 10 + look.number // 2 as varchar) as content_sha256
from range(0, 20) as page(number), range(0, 5) as look(number);

insert into reconciliation.restatements by name
select
    campaigns.network, campaigns.account_id, campaigns.campaign_id, days.date, figures.metric,
    days.date + to_days(cast(later.days_after as integer)) + interval 6 hours as observed_at,
    9 + later.number as previous_value,
    10 + later.number as value,
    later.days_after
from campaigns, days, unnest(['conversions', 'clicks', 'spend']) as figures(metric),
    (values (1, 1), (2, 3), (3, 7)) as later(number, days_after)
where days.back between 1 and 30;
