{{ config(materialized='incremental', on_schema_change='fail') }}
with submissions as (
    select
        submissions.* exclude (network, account_id, campaign_id, ad_group_id, ad_id),
        submissions.network as lead_network,
        submissions.account_id as lead_account_id,
        submissions.campaign_id as lead_campaign_id,
        submissions.ad_group_id as lead_ad_group_id,
        submissions.ad_id as lead_ad_id,
        tracking.is_tracked,
        tracking.tracking_evidence,
        activities.session_id,
        urls.hsa_network,
        urls.hsa_account_id,
        urls.hsa_campaign_id,
        urls.hsa_ad_group_id,
        urls.hsa_ad_id
    from {{ ref('int_submissions') }} as submissions
    left join {{ ref('int_tagged_urls') }} as urls on submissions.page_url = urls.url
    left join {{ ref('int_submission_tracking') }} as tracking on submissions.submission_id = tracking.submission_id
    left join {{ ref('int_session_activities') }} as activities
        on
            submissions.contact_id = activities.contact_id
            and submissions.submission_id = activities.activity_id
            and activities.activity_type = 'submission'
    where {{ only_changed('submissions.contact_id') }}
)

select
    submissions.submission_id,
    submissions.contact_id,
    submissions.form_id,
    submissions.form_type,
    submissions.submitted_at,
    {{ published_url('submissions.page_url') }} as page_url,
    submissions.session_id,
    case
        when not submissions.is_filtered
            then
                row_number() over (
                    partition by submissions.contact_id, submissions.is_filtered
                    order by submissions.submitted_at, submissions.submission_id
                )
    end as conversion_number,
    submissions.is_filtered,
    submissions.is_tracked,
    submissions.tracking_evidence,
    case
        when submissions.form_type != 'lead_ad' then sessions.network
        when submissions.hsa_campaign_id is not null then submissions.hsa_network
        else submissions.lead_network
    end as network,
    case
        when submissions.form_type != 'lead_ad' then sessions.account_id
        when submissions.hsa_campaign_id is not null then submissions.hsa_account_id
        else submissions.lead_account_id
    end as account_id,
    case
        when submissions.form_type != 'lead_ad' then sessions.campaign_id
        when submissions.hsa_campaign_id is not null then submissions.hsa_campaign_id
        else submissions.lead_campaign_id
    end as campaign_id,
    case
        when submissions.form_type != 'lead_ad' then sessions.ad_group_id
        when submissions.hsa_campaign_id is not null then submissions.hsa_ad_group_id
        else submissions.lead_ad_group_id
    end as ad_group_id,
    case
        when submissions.form_type != 'lead_ad' then sessions.ad_id
        when submissions.hsa_campaign_id is not null then submissions.hsa_ad_id
        else submissions.lead_ad_id
    end as ad_id
from submissions
cross join (select {{ click_id_parameters() }} as click_id_parameters) as parameters
left join {{ ref('fct_sessions') }} as sessions on submissions.session_id = sessions.session_id
