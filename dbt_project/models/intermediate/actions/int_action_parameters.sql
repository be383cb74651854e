-- accounts with recent ad sessions whose landing page URLs have HubSpot's parameters
with accounts as (
    select
        named.network,
        named.account_id,
        bool_or(named.named_by in ('hsa', 'drilldown')) as has_parameters
    from {{ ref('int_named_campaigns') }} as named
    inner join {{ ref('fct_sessions') }} as sessions on named.landing_id = sessions.session_id
    where
        named.claim_source = 'click_session'
        and sessions.started_at > {{ as_of() }} - to_days({{ setting("actions_still_seen_days") }})
    group by named.network, named.account_id
),

claims as (
    select
        claims.*,
        redirects.landing_page_url as redirect_url,
        case
            when redirects.landing_page_url is not null then 'landing_page'
            when
                claims.is_untrackable_ad_type
                or claims.overriding_templates is not null
                or coalesce(accounts.has_parameters, false)
                then 'campaign'
            else 'ad_account'
        end as subject_type
    from {{ ref('int_action_claims') }} as claims
    left join {{ ref('int_campaign_redirects') }} as redirects
        on {{ same_campaign('claims', 'redirects') }} and claims.landing_page = redirects.location
    left join accounts on claims.network = accounts.network and claims.account_id = accounts.account_id
    where claims.lacks_parameters and claims.is_tracked
)

select
    network,
    account_id,
    campaign_id,
    subject_type,
    case subject_type
        when 'landing_page' then redirect_url
        when 'campaign' then campaign_id
        else account_id
    end as subject_id,
    case
        when redirect_url is not null then 'redirect_drops_parameters'
        when is_untrackable_ad_type then 'untrackable_ad_type'
        else 'auto_tracking_off'
    end as cause,
    case when could_be_credited and click_session_id = session_id then contact_id end as gained,
    1 as chance,
    case when reason_code in ('auto_tracking_off', 'untrackable_ad_type') then network_units else 0 end as network_units,
    occurred_at,
    submission_id,
    overriding_templates
from claims
