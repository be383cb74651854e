select
    campaign_id,
    max(account_id) as account_id
from (
    select
        account_id,
        campaign_id
    from {{ ref('stg_google_ads__campaigns') }}
    union
    -- campaigns that are no longer listed still have figures
    select
        account_id,
        campaign_id
    from {{ ref('stg_google_ads__campaign_metrics') }}
) as campaigns
where campaign_id is not null
group by campaign_id
-- a campaign id in two accounts is ambiguous
having count(distinct account_id) = 1
