select
    attribution_report,
    deal_id,
    network,
    account_id,
    campaign_id,
    ad_group_id,
    ad_id,
    contact_ids,
    closed_at,
    amount,
    currency,
    amount_home,
    credit
from {{ ref('int_deal_credits') }}
