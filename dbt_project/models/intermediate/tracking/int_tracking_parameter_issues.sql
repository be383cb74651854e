with clicks as (
    select
        ads.*,
        coalesce(of_ad.right_clicks, 0) as right_clicks,
        coalesce(of_ad.wrong_clicks, 0) as wrong_clicks,
        coalesce(of_ad.wrong_clicks > of_ad.right_clicks and of_ad.is_last_wrong, false) as is_wrong,
        case when of_ad.untagged_clicks > of_ad.right_clicks and of_ad.is_last_untagged then of_ad.untagged_clicks else 0 end
            as untagged_clicks,
        -- the ad is unknown: ads whose clicks arrive with parameters are excluded
        case
            when
                of_campaign.untagged_clicks > of_campaign.tagged_clicks and of_campaign.is_last_untagged
                and coalesce(of_ad.right_clicks, 0) = 0
                then of_campaign.untagged_clicks
            else 0
        end as untagged_campaign_clicks
    from {{ ref('int_tracking_ads') }} as ads
    left join {{ ref('int_tracking_ad_clicks') }} as of_ad
        on ads.network = of_ad.network and ads.account_id = of_ad.account_id and ads.ad_id = of_ad.ad_id
    left join {{ ref('int_tracking_page_clicks') }} as of_campaign
        on ads.network = of_campaign.network and ads.account_id = of_campaign.account_id and ads.ad_id = of_campaign.ad_id
),

wrong_links as (
    select distinct
        ads.network,
        ads.account_id,
        ads.ad_id
    from {{ ref('int_tracking_ads') }} as ads
    inner join (
        select
            network,
            account_id,
            ad_id,
            {{ hsa_columns('tagged_url') }}
        from (
            select
                network,
                account_id,
                ad_id,
                {{ tagged_url('url') }} as tagged_url,
                {{ hubspot_names() }} as hubspot_names
            from {{ ref('int_ad_pages') }}
        )
    ) as links
        on ads.network = links.network and ads.account_id = links.account_id and ads.ad_id = links.ad_id
    where
        links.hsa_campaign_id is not null
        and not (
            links.hsa_network is not distinct from ads.network
            and links.hsa_account_id is not distinct from ads.account_id
            and links.hsa_campaign_id = ads.campaign_id
            and coalesce(links.hsa_ad_group_id = ads.ad_group_id, true)
            and coalesce(links.hsa_ad_id = ads.ad_id, true)
        )
),

-- a redirect that loses the parameters is a cause of its own
dropped as (
    select distinct
        network,
        account_id,
        ad_id
    from {{ ref('int_tracking_pages') }}
    where list_contains(dropped_parameters, 'hsa_cam')
),

issues as (
    select
        clicks.*,
        case
            when clicks.untagged_clicks > 0 then clicks.untagged_clicks || ' clicks of this ad'
            else clicks.untagged_campaign_clicks || ' clicks of this ad''s campaign on its page'
        end || ' arrived without hsa_* in the last {{ setting("tracking_health_days") }} days, the latest among them.'
            as untagged,
        unnest([
            case
                when clicks.wrong_clicks > 0 and clicks.is_wrong then 'auto_tracking_parameters_wrong_level'
                when wrong_links.ad_id is not null then 'auto_tracking_parameters_wrong_level'
            end,
            case
                when clicks.is_lead_ad then null
                when clicks.is_never_tracked and clicks.right_clicks = 0 then 'ad_type_untrackable'
                when clicks.untagged_clicks + clicks.untagged_campaign_clicks > 0 and dropped.ad_id is null
                    then
                        case
                            when clicks.is_untrackable_type then 'ad_type_untrackable'
                            else 'auto_tracking_parameters_missing'
                        end
            end
        ]) as issue_code
    from clicks
    left join wrong_links
        on
            clicks.network = wrong_links.network
            and clicks.account_id = wrong_links.account_id
            and clicks.ad_id = wrong_links.ad_id
    left join dropped
        on
            clicks.network = dropped.network
            and clicks.account_id = dropped.account_id
            and clicks.ad_id = dropped.ad_id
)

select
    network,
    account_id,
    ad_id,
    issue_code,
    {{ as_of() }} as checked_at,
    case
        when issue_code = 'auto_tracking_parameters_wrong_level' and wrong_clicks > 0 and is_wrong
            then
                wrong_clicks || ' visits of the last {{ setting("tracking_health_days") }} days carry hsa_* ids'
                || ' that are not this ad''s account, campaign, ad group and ad. Correct the tracking parameters'
                || case
                    when network = 'linkedin_ads'
                        then ': hsa_cam is the campaign group, hsa_grp the campaign, hsa_ad the creative.'
                    else ': hsa_acc, hsa_cam, hsa_grp and hsa_ad are the ids of account, campaign, ad group and ad.'
                end
        when issue_code = 'auto_tracking_parameters_wrong_level'
            then
                'The ad''s link carries hsa_* ids that are not its own, as a copied ad does.'
                || ' Remove them and let HubSpot''s auto-tracking set them again.'
        when issue_code = 'ad_type_untrackable' and is_never_tracked
            then
                'HubSpot cannot track ads of ' || campaign_type || ' campaigns: their clicks name neither campaign nor ad.'
                || ' Put hsa_* parameters into the final URL suffix by hand, or read this campaign by the network''s figures.'
        when issue_code = 'ad_type_untrackable'
            then
                untagged || ' HubSpot tracks ' || campaign_type || ' campaigns only where no ad group and no ad'
                || ' overrides the tracking: remove the override.'
        else
            untagged || ' Turn on auto-tracking for this account in HubSpot, or see what overrides it.'
    end as detail
from issues
where issue_code is not null
