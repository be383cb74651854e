select
    customer_id as account_id,
    id as lead_id,
    campaign_id,
    ad_group_id,
    ad_id,
    lead_form_asset_id as form_id,
    gclid,
    submitted_at,
    email
from {{ source('google_ads', 'lead_form_submissions') }}
where submitted_at <= {{ as_of() }}
