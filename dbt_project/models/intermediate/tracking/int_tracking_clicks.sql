with sessions as (
    select
        sessions.*,
        urls.hsa_network,
        urls.hsa_account_id,
        urls.hsa_campaign_id,
        urls.hsa_ad_group_id,
        urls.hsa_ad_id,
        urls.utm_id,
        types.network as click_network
    from {{ ref('int_sessions') }} as sessions
    left join {{ ref('int_tagged_urls') }} as urls on sessions.landing_page_url = urls.url
    left join {{ ref('click_id_parameters') }} as types on sessions.click_id_type = types.parameter
    where
        sessions.started_at >= {{ as_of() }} - to_days({{ setting('tracking_health_days') }})
        and sessions.landing_page_url is not null
        -- its URL is that of a later page: the click's parameters are lost, though HubSpot knew them
        and sessions.match_method is distinct from 'drilldown'
),

clicks as (
    select
        session_id,
        started_at,
        hsa_network is not null and hsa_campaign_id is not null as is_tagged,
        hsa_account_id,
        hsa_campaign_id,
        hsa_ad_group_id,
        hsa_ad_id,
        coalesce(
            hsa_network,
            click_network,
            case
                when regexp_matches(lower(utm_medium), 'paid|ppc|cpc')
                    then
                        (
                            select map(list(by_source.utm_source), list(by_source.network))
                            from (
                                select
                                    networks.network,
                                    unnest(string_split(networks.utm_sources, ' ')) as utm_source
                                from {{ ref('networks') }} as networks
                            ) as by_source
                        )[lower(utm_source)]
            end
        ) as network,
        case when match_method = 'click_view' then ad_id end as clicked_ad_id,
        case when match_method in ('click_view', 'gad_campaignid') then campaign_id end as clicked_campaign_id,
        utm_campaign,
        utm_id,
        {{ url_location('landing_page_url') }} as location
    from sessions
)

select * from clicks
where network is not null
