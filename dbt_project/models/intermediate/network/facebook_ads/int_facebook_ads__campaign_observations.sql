{{ config(materialized='ephemeral') }}
select
    figures.account_id,
    figures.campaign_id,
    figures.date,
    figures.impressions,
    figures.clicks,
    figures.spend,
    coalesce(
        list_sum(
            list_transform(
                list_filter(
                    from_json(figures.actions, '[{"action_type":"VARCHAR","value":"VARCHAR"}]'),
                    lambda action: list_contains(headline.action_types, action.action_type)
                ),
                lambda action: {{ amount_of_text('action.value') }}
            )
        ), 0
    ) as conversions,
    figures.observed_at,
    figures.superseded_at,
    figures.is_day_marker
from {{ ref('stg_facebook_ads__campaign_observations') }} as figures
cross join (select list(action_type) as action_types from {{ ref('facebook_headline_actions') }}) as headline
