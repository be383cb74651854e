select
    account_id,
    id as lead_id,
    lead_form_id as form_id,
    lead_form_version as form_version,
    campaign_id as ad_group_id,
    creative_id as ad_id,
    submitted_at as created_at,
    test_lead as is_test,
    email
from {{ source('linkedin_ads', 'lead_form_responses') }}
where submitted_at <= {{ as_of() }}
