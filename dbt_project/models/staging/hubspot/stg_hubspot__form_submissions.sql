with submissions as (
    select
        id,
        conversion_id,
        form_id,
        submitted_at,
        erased_contact_id,
        nullif(page_url, '') as page_url,
        {{ email_hash(submitted_value('email')) }} as email_hash
    from {{ source('hubspot', 'form_submissions') }}
    where submitted_at <= {{ as_of() }}
)

select
    -- old submissions have no conversion id; equal submissions of a form are deduplicated
    coalesce(conversion_id, md5(form_id || '|' || id)) as submission_id,
    form_id,
    submitted_at,
    page_url,
    email_hash,
    erased_contact_id
from submissions
-- new submissions during paging shift the pages, so a row can be returned twice
qualify row_number() over (partition by submission_id order by submitted_at) = 1
