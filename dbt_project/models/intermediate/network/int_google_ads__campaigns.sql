select
    campaign_id,
    max(account_id) as account_id
from (
    select
        account_id,
        campaign_id
    from {{ ref('stg_google_ads__campaigns') }}
    union
    -- a campaign that is listed no more has figures still
    select
        account_id,
        campaign_id
    from {{ ref('stg_google_ads__campaign_metrics') }}
) as campaigns
where campaign_id is not null
group by campaign_id
-- a campaign of two accounts names neither
having count(distinct account_id) = 1
