-- issues come from the landing page, the parameters of the clicks and the ad type; issues that no longer occur are left out
with issues as (
    select * from {{ ref('int_tracking_page_issues') }}
    union all by name
    select * from {{ ref('int_tracking_parameter_issues') }}
),

-- if several pages of an ad have the same issue, one of them is listed
shown as (
    select *
    from issues
    qualify row_number() over (partition by network, account_id, ad_id, issue_code order by landing_page_url) = 1
),

first_pages as (
    select
        network,
        account_id,
        ad_id,
        arg_min(landing_page_url, landing_page_url) as landing_page_url,
        arg_min(snapshot_id, landing_page_url) as snapshot_id,
        max(fetched_at) as fetched_at
    from {{ ref('int_tracking_pages') }}
    group by network, account_id, ad_id
)

select
    {{ ad_key('ads.') }},
    coalesce(shown.issue_code, 'none') as issue_code,
    coalesce(shown.landing_page_url, first_pages.landing_page_url) as landing_page_url,
    coalesce(shown.checked_at, first_pages.fetched_at, {{ as_of() }}) as checked_at,
    coalesce(
        shown.detail,
        case
            when ads.is_lead_ad then 'Lead ad: the form is on the network. See lead_sync.'
            when first_pages.snapshot_id is null then 'No issue found; the landing page was not checked.'
            else 'No issue found.'
        end
    ) as detail,
    case when shown.issue_code is null then first_pages.snapshot_id else shown.snapshot_id end as snapshot_id
from {{ ref('int_tracking_ads') }} as ads
left join shown
    on ads.network = shown.network and ads.account_id = shown.account_id and ads.ad_id = shown.ad_id
left join first_pages
    on ads.network = first_pages.network and ads.account_id = first_pages.account_id and ads.ad_id = first_pages.ad_id
