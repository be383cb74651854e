with accounts as (
    select
        'google_ads' as network,
        account_id,
        account_name,
        currency,
        time_zone
    from {{ ref('stg_google_ads__accounts') }}
    union all
    select
        'facebook_ads' as network,
        account_id,
        account_name,
        currency,
        time_zone
    from {{ ref('stg_facebook_ads__accounts') }}
    union all
    select
        'linkedin_ads' as network,
        account_id,
        account_name,
        currency,
        time_zone
    from {{ ref('stg_linkedin_ads__accounts') }}
)

select
    accounts.network,
    accounts.account_id,
    accounts.account_name,
    accounts.currency,
    accounts.time_zone,
    portal.company_currency
from accounts
-- without a portal there is no company currency
left join {{ ref('stg_hubspot__account') }} as portal on true
