-- What happened in a portal from one day to another, the same whatever the parts it is landed in. Variables: contacts, visits
-- (of each), first_visit and end_visit (instants the window is made of), started (of the portal's life), days (of it), as_of.
CREATE OR REPLACE TEMP TABLE visits AS
SELECT
    c,
    v,
    cast(100000000 + c AS VARCHAR) AS contact_id,
    md5(c || '-' || v) AS key,
    hash(c, v, 'kind') % 10 AS kind,
    getvariable('started')
    + to_seconds(cast((hash(c, v, 'day') % getvariable('days')) * 86400 + hash(c, v, 'second') % 80000 AS BIGINT)) AS began
FROM (SELECT unnest(range(getvariable('contacts'))) AS c), (SELECT unnest(range(getvariable('visits'))) AS v);

CREATE OR REPLACE TEMP TABLE submitted AS
SELECT c, key, began, began + INTERVAL '9 minutes' AS submitted_at, 'form' || c % 7 AS form
FROM visits
WHERE c % 3 = 0 AND hash(c, v, 'form') % 3 = 0;

CREATE OR REPLACE TEMP MACRO tagged(source, medium, account, net, click_id) AS
    'https://www.site.example/demo?utm_source=' || source || '&utm_medium=' || medium || '&utm_campaign=c' || c % 40
    || '&hsa_acc=' || account || '&hsa_cam=' || 900 + c % 40 || '&hsa_grp=' || 800 + c % 80 || '&hsa_ad=' || 700 + c % 160
    || '&hsa_net=' || net || '&hsa_ver=3&' || click_id || key;

INSERT INTO raw.page_view_events
    (id, event_type, object_type, object_id, occurred_at, hs_url, hs_referrer, observed_at)
SELECT
    key || '-' || page,
    'e_visited_page',
    'CONTACT',
    contact_id,
    began + to_minutes(page * 4),
    CASE
        WHEN page > 0 THEN 'https://www.site.example/page/' || hash(c, v, page) % 400
        WHEN kind IN (0, 1) THEN tagged('adwords', 'ppc', '1112223334', 'adwords', 'gclid=Cj0KCQ')
        WHEN kind = 2 THEN tagged('facebook', 'paid', '2223334445', 'facebook', 'fbclid=IwAR')
        WHEN kind = 3 THEN tagged('linkedin', 'paid', '500000001', 'linkedin', 'li_fat_id=')
        WHEN kind = 4 THEN 'https://www.site.example/news?utm_source=newsletter_email&utm_campaign=n' || c % 12
        ELSE 'https://www.site.example/blog/' || c % 300
    END,
    CASE
        WHEN page > 0 THEN 'https://www.site.example/'
        WHEN kind IN (0, 1, 5, 6) THEN 'https://www.google.com/'
        WHEN kind = 2 THEN 'https://www.facebook.com/'
        WHEN kind = 7 THEN 'https://partner.example/list'
    END,
    getvariable('as_of')
FROM visits, (SELECT unnest(range(3)) AS page)
WHERE began >= getvariable('first_visit') AND began < getvariable('end_visit')
ORDER BY began;

INSERT INTO raw.form_submissions (id, conversion_id, form_id, submitted_at, page_url, values, observed_at)
SELECT
    key,
    'sub-' || key,
    form,
    submitted_at,
    'https://www.site.example/demo',
    json_array(json_object('name', 'email', 'value', 'c' || c || '@people.example')),
    getvariable('as_of')
FROM submitted
WHERE began >= getvariable('first_visit') AND began < getvariable('end_visit');

-- a contact is read as it is at the end of the window
DELETE FROM raw.contacts;
INSERT INTO raw.contacts (
    id, archived, email, createdate, hs_calculated_form_submissions, hs_analytics_source, hs_analytics_num_visits, observed_at
)
SELECT
    visits.contact_id,
    false,
    'c' || visits.c || '@people.example',
    strftime(min(visits.began) + INTERVAL '8 minutes', '%Y-%m-%dT%H:%M:%SZ'),
    any_value(conversions.listed),
    'DIRECT_TRAFFIC',
    cast(count(*) AS VARCHAR),
    getvariable('as_of')
FROM visits
LEFT JOIN (
    SELECT c, string_agg(form || ':77:' || epoch_ms(submitted_at), ';' ORDER BY submitted_at) AS listed
    FROM submitted
    WHERE began < getvariable('end_visit')
    GROUP BY c
) AS conversions ON visits.c = conversions.c
WHERE visits.began < getvariable('end_visit')
GROUP BY visits.c, visits.contact_id;

INSERT INTO raw.account (portal_id, time_zone, company_currency)
SELECT '1', 'UTC', 'EUR' WHERE NOT EXISTS (FROM raw.account);
INSERT INTO raw.forms (id, name, form_type, archived)
SELECT 'form' || number, 'Form', 'hubspot', false FROM range(7) AS numbers (number) WHERE NOT EXISTS (FROM raw.forms);
