-- Two networks with campaigns of the same id and name; rows without an ad, a campaign, an account; several reports; a contact that
-- several ads share; instants around midnight; a page that was fetched twice a day, lost its code, got it back.
insert into marts.dim_campaign by name
    select *, 'Brand' as campaign_name, 'One' as account_name
    from (values ('google_ads', '1', '7'), ('linkedin_ads', '1', '7'), ('google_ads', '2', '8'))
        as t (network, account_id, campaign_id);
insert into marts.dim_ad by name
    select *, 'ad ' || ad_id as ad_name
    from (values ('google_ads', '1', '7', '71', '711'), ('google_ads', '1', '7', '71', '712'),
        ('linkedin_ads', '1', '7', '72', '721')) as t (network, account_id, campaign_id, ad_group_id, ad_id);
insert into marts.fct_network_conversions by name
    select *, 'form' as action_category
    from (values ('google_ads', '1', '7', '71', '711', date '2026-09-30', 'click', true, 2.5),
        ('google_ads', '1', '7', '71', '711', date '2026-09-30', 'all', false, 4),
        ('google_ads', '1', '7', null, null, date '2026-10-01', 'view', true, 1.5),
        ('google_ads', '2', '8', null, null, date '2026-10-01', 'click', true, 3),
        ('linkedin_ads', '1', '7', '72', '721', date '2026-10-02', 'lead_form', true, 5),
        ('linkedin_ads', '1', '7', '72', '721', date '2026-10-02', 'view', false, 9))
        as t (network, account_id, campaign_id, ad_group_id, ad_id, date, event_type, counts_in_headline, conversions);
insert into marts.fct_ad_performance_daily by name
    select *, 'first_form_submission' as attribution_report
    from (values ('google_ads', '1', '7', '71', '711', date '2026-09-30', 10.25, 1),
        ('google_ads', '1', '7', null, null, date '2026-10-01', 20, 0),
        ('google_ads', '2', '8', null, null, date '2026-10-01', 30, 0),
        ('linkedin_ads', '1', '7', '72', '721', date '2026-10-02', null, 2))
        as t (network, account_id, campaign_id, ad_group_id, ad_id, date, spend_company_currency, hubspot_contacts);
insert into reconciliation.conversion_bridge by name
    select report as attribution_report, t.*
    from unnest(['first_form_submission', 'all_ad_interactions']) as r (report),
        (values ('google_ads', '1', '7', date '2026-09-30', 'network_conversions', 'start', 'aggregate', 2.5),
            ('google_ads', '1', '7', date '2026-09-30', 'fractional_credit', 'adjustment', 'aggregate', 0.5),
            ('google_ads', '1', '7', date '2026-09-30', 'later_session', 'adjustment', 'row', -1),
            ('google_ads', '1', '7', date '2026-09-30', 'no_trace_in_hubspot', 'adjustment', 'residual', -1),
            ('google_ads', '1', '7', date '2026-09-30', 'hubspot_contacts', 'end', 'row', 1),
            ('google_ads', '1', '7', date '2026-10-01', 'network_conversions', 'start', 'aggregate', 1.5),
            ('google_ads', '1', '7', date '2026-10-01', 'view_through', 'adjustment', 'aggregate', -1.5),
            ('google_ads', '1', '7', date '2026-10-01', 'hubspot_contacts', 'end', 'row', 0),
            ('google_ads', '2', '8', date '2026-10-01', 'network_conversions', 'start', 'aggregate', 3),
            ('google_ads', '2', '8', date '2026-10-01', 'unexplained', 'adjustment', 'aggregate', -3),
            ('google_ads', '2', '8', date '2026-10-01', 'hubspot_contacts', 'end', 'row', 0),
            ('linkedin_ads', '1', '7', date '2026-10-02', 'network_conversions', 'start', 'aggregate', 5),
            ('linkedin_ads', '1', '7', date '2026-10-02', 'lead_not_synced', 'adjustment', 'row', -4),
            ('linkedin_ads', '1', '7', date '2026-10-02', 'not_counted_by_network', 'adjustment', 'residual', 1),
            ('linkedin_ads', '1', '7', date '2026-10-02', 'hubspot_contacts', 'end', 'row', 2))
            as t (network, account_id, campaign_id, date, step, kind, evidence_class, units);
insert into marts.fct_contact_attribution by name
    select *, 'ad_click' as interaction_type
    from (values ('first_form_submission', 'a', 'google_ads', '1', '7', '71', '711', timestamptz '2026-09-30 23:30:00Z'),
        ('first_form_submission', 'b', 'linkedin_ads', '1', '7', '72', '721', timestamptz '2026-10-02 01:00:00Z'),
        ('first_form_submission_new_contact', 'b', 'linkedin_ads', '1', '7', '72', '721', timestamptz '2026-10-02 01:00:00Z'),
        ('influenced_first_form_submission', 'a', 'google_ads', '1', '7', '71', '711', timestamptz '2026-09-30 23:30:00Z'),
        ('influenced_first_form_submission', 'a', 'google_ads', '1', '7', '71', '712', timestamptz '2026-09-30 23:30:00Z'),
        ('first_ad_interaction', 'a', 'google_ads', '1', '7', '71', '712', timestamptz '2026-09-30 23:30:00Z'),
        ('last_ad_interaction', 'a', 'google_ads', '1', '7', '71', '711', timestamptz '2026-09-30 23:30:00Z'),
        ('all_ad_interactions', 'a', 'google_ads', '1', '7', '71', '711', timestamptz '2026-09-30 23:30:00Z'),
        ('all_ad_interactions', 'a', 'google_ads', '1', '7', '71', '712', timestamptz '2026-10-01 00:30:00Z'),
        ('all_ad_interactions', 'a', 'linkedin_ads', '1', '7', null, null, timestamptz '2026-10-02 01:00:00Z'),
        ('all_ad_interactions', 'c', 'google_ads', '2', '8', null, null, timestamptz '2026-10-02 01:00:00Z'))
        as t (attribution_report, contact_id, network, account_id, campaign_id, ad_group_id, ad_id, credited_at);
insert into marts.fct_first_conversions by name
    from (values ('a', timestamptz '2026-09-30 23:30:00Z', 'PAID_SEARCH', 'google_ads', '1', '7', '71', '711'),
        ('b', timestamptz '2026-10-02 01:00:00Z', 'OFFLINE', 'linkedin_ads', '1', '7', '72', '721'),
        ('d', timestamptz '2026-10-03 01:00:00Z', 'DIRECT_TRAFFIC', null, null, null, null, null))
        as t (contact_id, converted_at, traffic_source, network, account_id, campaign_id, ad_group_id, ad_id);
insert into marts.fct_sessions by name
    from (values ('a', 's1', timestamptz '2026-09-30 23:59:00Z', true, 'google_ads', '1', '7', '71', '711'),
        ('a', 's2', timestamptz '2026-10-01 00:01:00Z', false, 'google_ads', '1', '7', '71', '712'),
        ('d', 's3', timestamptz '2026-10-03 00:50:00Z', false, null, null, null, null, null))
        as t (contact_id, session_id, started_at, is_ad_click, network, account_id, campaign_id, ad_group_id, ad_id);
insert into marts.fct_deal_attribution by name
    select *, 900 as amount_company_currency
    from (values ('first_form_submission', 'd1', 'google_ads', '1', '7', '71', '711', 0.75, timestamptz '2026-10-05 12:00:00Z'),
        ('first_form_submission', 'd1', 'linkedin_ads', '1', '7', '72', '721', 0.25, timestamptz '2026-10-05 12:00:00Z'),
        ('all_ad_interactions', 'd1', 'google_ads', '1', '7', '71', '711', 1, timestamptz '2026-10-05 12:00:00Z'),
        ('first_form_submission', 'd2', null, null, null, null, null, 1, timestamptz '2026-09-05 12:00:00Z'),
        ('all_ad_interactions', 'd2', null, null, null, null, null, 1, timestamptz '2026-09-05 12:00:00Z'))
        as t (attribution_report, deal_id, network, account_id, campaign_id, ad_group_id, ad_id, credit, closed_at);
insert into reconciliation.match_rates by name
    from (values ('google_ads', '1', date '2026-09-30', 'hsa', 40, 8, 7),
        ('google_ads', '1', date '2026-09-30', 'click_view', 40, 4, 1),
        ('linkedin_ads', null, date '2026-10-02', 'click_id', 30, 3, 0))
        as t (network, account_id, date, match_method, clicks, sessions, matched);
insert into reconciliation.lead_sync by name
    select 'lead' || row_number() over () as lead_id, *
    from (values ('linkedin_ads', '1', '7', timestamptz '2026-09-30 12:00:00Z', 'synced'),
        ('linkedin_ads', '1', '7', timestamptz '2026-09-30 12:00:00Z', 'merged_into_existing'),
        ('linkedin_ads', '1', '7', timestamptz '2026-10-02 12:00:00Z', 'missing'),
        ('linkedin_ads', '1', '7', timestamptz '2026-10-02 12:00:00Z', 'retention_passed'),
        ('linkedin_ads', '1', null, timestamptz '2026-10-02 12:00:00Z', 'no_ad'),
        ('google_ads', '2', '8', timestamptz '2026-10-02 12:00:00Z', 'pending'),
        ('google_ads', '1', '7', timestamptz '2026-10-02 12:00:00Z', 'missing'),
        ('google_ads', '1', '7', timestamptz '2026-10-02 12:00:00Z', 'test_lead'))
        as t (network, account_id, campaign_id, created_at, status);
insert into reconciliation.landing_page_snapshots by name
    select 'snapshot' || row_number() over () as snapshot_id, *
    from (values ('https://a.test', timestamptz '2026-09-30 06:00:00Z', true),
        ('https://a.test', timestamptz '2026-10-01 06:00:00Z', true),
        ('https://a.test', timestamptz '2026-10-01 06:00:01Z', false),
        ('https://b.test', timestamptz '2026-10-01 06:00:00Z', null),
        ('https://c.test', timestamptz '2026-09-30 06:00:00Z', false),
        ('https://c.test', timestamptz '2026-10-01 06:00:01Z', true))
        as t (landing_page_url, fetched_at, has_tracking_code);
insert into reconciliation.tracking_health by name
    select *, timestamptz '2026-10-01 06:00:00Z' as checked_at
    from (values ('google_ads', '1', '7', '71', '711', 'no_tracking_code'),
        ('google_ads', '1', '7', '71', '711', 'no_hubspot_form'),
        ('google_ads', '1', '7', '71', '712', 'none'),
        ('linkedin_ads', '1', '7', '72', '721', 'page_unreachable'))
        as t (network, account_id, campaign_id, ad_group_id, ad_id, issue_code);
