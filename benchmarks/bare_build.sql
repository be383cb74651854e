-- Sessions, first conversions and attribution of the benchmark's portal by hand: one pass, no staging, no checks.
CREATE TEMP MACRO param(url, name) AS
    nullif(trim(url_decode(url_decode(replace(regexp_extract(url, '[?&]' || name || '=([^&#]+)', 1), '+', ' ')))), '');
CREATE TEMP MACRO id_param(url, name) AS
    nullif(regexp_extract(url, '[?&]' || name || '=([0-9]+)(?:[&#]|$)', 1), '');

CREATE TABLE conversions AS
WITH counted AS (
    SELECT id AS contact_id, email, unnest(string_split(hs_calculated_form_submissions, ';')) AS entry
    FROM raw_hubspot.raw.contacts
    WHERE hs_calculated_form_submissions <> ''
)
SELECT
    contact_id,
    split_part(entry, ':', 1) AS form_id,
    make_timestamptz(split_part(entry, ':', 3)::BIGINT * 1000) AS submitted_at,
    logs.conversion_id AS submission_id,
    logs.page_url,
    row_number() OVER (PARTITION BY contact_id ORDER BY make_timestamptz(split_part(entry, ':', 3)::BIGINT * 1000)) AS number
FROM counted
INNER JOIN raw_hubspot.raw.form_submissions AS logs
    ON logs.form_id = split_part(entry, ':', 1)
    AND logs.submitted_at = make_timestamptz(split_part(entry, ':', 3)::BIGINT * 1000)
    AND json_extract_string(logs.values, '$[0].value') = counted.email;

CREATE TABLE activities AS
SELECT
    object_id AS contact_id, id AS activity_id, occurred_at, hs_url AS url, hs_referrer AS referrer,
    CASE WHEN contains(hs_url, '?') THEN hs_url END AS tagged, true AS is_view,
    nullif(regexp_extract(lower(hs_referrer), '^[a-z]+://(?:[^/@?#]*@)?(?:www\.)?([^/:?#]+)', 1), '') AS referrer_host
FROM raw_hubspot.raw.page_view_events
UNION ALL
SELECT contact_id, submission_id, submitted_at, page_url, NULL, NULL, false, NULL
FROM conversions;

CREATE TABLE session_activities AS
WITH named AS (
    SELECT
        contact_id, activity_id, occurred_at, is_view,
        CASE
            WHEN id_param(tagged, 'hsa_cam') IS NOT NULL
                THEN concat_ws('|', 'ad', param(tagged, 'hsa_net'), id_param(tagged, 'hsa_acc'), id_param(tagged, 'hsa_cam'),
                    id_param(tagged, 'hsa_grp'), id_param(tagged, 'hsa_ad'))
            WHEN contains(tagged, 'utm_') OR contains(tagged, 'clid=')
                THEN concat_ws('|', param(tagged, 'utm_source'), param(tagged, 'utm_medium'), param(tagged, 'utm_campaign'))
            WHEN referrer_host <> 'site.example' THEN referrer_host
        END AS evidence_key
    FROM activities
),

gaps AS (
    SELECT
        *,
        coalesce(
            occurred_at > lag(occurred_at) OVER (PARTITION BY contact_id ORDER BY occurred_at, activity_id)
            + INTERVAL '30 minutes', true
        ) AS is_idle
    FROM named
),

sources AS (
    SELECT
        *,
        last_value(CASE WHEN is_idle THEN coalesce(evidence_key, '') ELSE evidence_key END IGNORE NULLS) OVER (
            PARTITION BY contact_id ORDER BY occurred_at, activity_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS source_so_far
    FROM gaps
)

SELECT
    contact_id, activity_id, occurred_at, is_view,
    count_if(is_idle OR (evidence_key IS NOT NULL AND evidence_key IS DISTINCT FROM source_so_far))
        OVER (PARTITION BY contact_id ORDER BY occurred_at, activity_id) AS number
FROM sources;

CREATE TABLE sessions AS
SELECT
    grouped.*,
    landing.url, landing.referrer,
    param(landing.tagged, 'utm_source') AS utm_source,
    param(landing.tagged, 'utm_medium') AS utm_medium,
    param(landing.tagged, 'utm_campaign') AS utm_campaign,
    param(landing.tagged, 'gclid') AS gclid,
    param(landing.tagged, 'fbclid') AS fbclid,
    param(landing.tagged, 'hsa_net') AS network,
    id_param(landing.tagged, 'hsa_acc') AS account_id,
    id_param(landing.tagged, 'hsa_cam') AS campaign_id,
    id_param(landing.tagged, 'hsa_grp') AS ad_group_id,
    id_param(landing.tagged, 'hsa_ad') AS ad_id
FROM (
    SELECT
        contact_id, number, min(occurred_at) AS started_at, max(occurred_at) AS ended_at, count_if(is_view) AS page_views,
        arg_min(activity_id, (occurred_at, activity_id)) AS activity_id
    FROM session_activities
    GROUP BY contact_id, number
) AS grouped
INNER JOIN activities AS landing USING (activity_id);

CREATE TABLE first_conversions AS
SELECT conversions.*, session_activities.number AS session_number
FROM conversions
INNER JOIN session_activities ON conversions.submission_id = session_activities.activity_id
WHERE conversions.number = 1;

CREATE TABLE attribution AS
WITH clicks AS (
    SELECT
        sessions.contact_id, sessions.number, network, account_id, campaign_id, ad_group_id, ad_id, started_at,
        conversions.submission_id, coalesce(conversions.submitted_at, started_at) AS credited_at
    FROM sessions
    ASOF LEFT JOIN conversions
        ON sessions.contact_id = conversions.contact_id AND sessions.started_at <= conversions.submitted_at
    WHERE campaign_id IS NOT NULL
),

reports AS (
    SELECT 'first_form_submission' AS attribution_report, clicks.*
    FROM clicks INNER JOIN first_conversions AS first
        ON clicks.contact_id = first.contact_id AND clicks.number = first.session_number
    UNION ALL
    SELECT 'first_form_submission_new_contact', clicks.*
    FROM clicks INNER JOIN first_conversions AS first
        ON clicks.contact_id = first.contact_id AND clicks.number = first.session_number
    INNER JOIN raw_hubspot.raw.contacts AS contacts ON contacts.id = clicks.contact_id
    WHERE contacts.createdate::TIMESTAMPTZ >= first.submitted_at - INTERVAL '10 minutes'
    UNION ALL
    SELECT 'influenced_first_form_submission', clicks.*
    FROM clicks INNER JOIN first_conversions AS first
        ON clicks.contact_id = first.contact_id AND clicks.started_at <= first.submitted_at
    UNION ALL
    (SELECT 'first_ad_interaction', * FROM clicks
        QUALIFY row_number() OVER (PARTITION BY contact_id ORDER BY started_at) = 1)
    UNION ALL
    (SELECT 'last_ad_interaction', * FROM clicks WHERE submission_id IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY contact_id ORDER BY started_at DESC) = 1)
    UNION ALL
    SELECT 'all_ad_interactions', * FROM clicks
)

SELECT DISTINCT ON (attribution_report, contact_id, network, account_id, campaign_id, ad_group_id, ad_id) *
FROM reports
ORDER BY started_at;
