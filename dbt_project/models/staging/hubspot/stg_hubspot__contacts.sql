select
    id as contact_id,
    coalesce(try_cast(createdate as timestamptz), created_at) as created_at,
    -- for comparison only: e-mail addresses leave the raw store only as hashes
    list_filter(
        list_transform(
            list_prepend(email, string_split(coalesce(hs_additional_emails, ''), ';')),
            lambda address: {{ email_hash('address') }}
        ),
        lambda hash: hash is not null
    ) as email_hashes,
    list_filter(
        string_split(coalesce(hs_merged_object_ids, ''), ';'), lambda merged_id: merged_id != ''
    ) as merged_contact_ids,
    hs_object_source as object_source,
    lifecyclestage as lifecycle_stage,
    hs_analytics_source as original_source,
    hs_analytics_first_url as first_url,
    nullif(hs_analytics_first_referrer, '') as first_referrer,
    try_cast(hs_analytics_first_visit_timestamp as timestamptz) as first_visit_at,
    try_cast(hs_analytics_first_timestamp as timestamptz) as first_seen_at,
    hs_analytics_last_url as last_url,
    nullif(hs_analytics_last_referrer, '') as last_referrer,
    try_cast(hs_analytics_last_timestamp as timestamptz) as last_seen_at,
    hs_latest_source as latest_source,
    try_cast(hs_latest_source_timestamp as timestamptz) as latest_source_at,
    try_cast(hs_analytics_num_visits as bigint) as visits,
    hs_calculated_form_submissions as calculated_form_submissions
from {{ source('hubspot', 'contacts') }}
where not archived and deleted_at is null
