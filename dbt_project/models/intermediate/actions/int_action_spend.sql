with spend as (
    select
        network,
        account_id,
        campaign_id,
        sum(spend_company_currency) as spend_company_currency
    from {{ ref('fct_ad_performance_daily') }}
    where date > {{ day_in(as_of(), "'UTC'") }} - {{ setting("actions_days") }}
    group by network, account_id, campaign_id
),

campaigns as (
    select
        network,
        account_id,
        subject_type,
        subject_id,
        cause,
        unnest(campaign_ids) as campaign_id
    from {{ ref('int_action_causes') }}
)

select
    campaigns.network,
    campaigns.account_id,
    campaigns.subject_type,
    campaigns.subject_id,
    campaigns.cause,
    sum(spend.spend_company_currency) as spend_company_currency
from campaigns
left join spend on {{ same_campaign('campaigns', 'spend') }}
group by campaigns.network, campaigns.account_id, campaigns.subject_type, campaigns.subject_id, campaigns.cause
