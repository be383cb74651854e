with leads as (
    select
        'google_ads' as network,
        account_id,
        campaign_id,
        ad_group_id,
        ad_id,
        lead_id,
        form_id,
        submitted_at as created_at,
        false as is_test,
        false as is_organic,
        email
    from {{ ref('stg_google_ads__lead_form_submissions') }}
    union all by name
    select
        'facebook_ads' as network,
        coalesce(ads.account_id, campaigns.account_id) as account_id,
        leads.campaign_id,
        leads.ad_group_id,
        leads.ad_id,
        leads.lead_id,
        leads.form_id,
        leads.created_at,
        leads.is_test,
        leads.is_organic,
        leads.email
    from {{ ref('stg_facebook_ads__leads') }} as leads
    left join {{ ref('stg_facebook_ads__ads') }} as ads on leads.ad_id = ads.ad_id
    left join {{ ref('stg_facebook_ads__campaigns') }} as campaigns on leads.campaign_id = campaigns.campaign_id
    union all by name
    select
        'linkedin_ads' as network,
        leads.account_id,
        campaigns.campaign_id,
        leads.ad_group_id,
        leads.ad_id,
        leads.lead_id,
        leads.form_id,
        leads.created_at,
        leads.is_test,
        false as is_organic,
        leads.email
    from {{ ref('stg_linkedin_ads__leads') }} as leads
    left join {{ ref('int_linkedin_ads__campaigns') }} as campaigns
        on leads.account_id = campaigns.account_id and leads.ad_group_id = campaigns.ad_group_id
)

select
    * exclude (email, is_organic),
    is_organic or coalesce(campaign_id, ad_group_id, ad_id) is null as is_without_ad,
    {{ email_hash('email') }} as email_hash
from leads
