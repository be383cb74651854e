{{ config(severity='warn', store_failures=true, meta={'dagster': {'ref': {'name': 'int_facebook_ads__actions'}}}) }}
-- depends_on: {{ ref('int_facebook_ads__actions') }}, which leaves these actions out

with actions as (
    select
        account_id,
        campaign_id,
        ad_id,
        date,
        unnest(from_json(actions, '[{"action_type":"VARCHAR","value":"VARCHAR"}]')) as action
    from {{ ref('stg_facebook_ads__ad_insights') }}
    union all by name
    select
        account_id,
        campaign_id,
        date,
        unnest(from_json(actions, '[{"action_type":"VARCHAR","value":"VARCHAR"}]')) as action
    from {{ ref('stg_facebook_ads__campaign_insights') }}
)

select
    actions.account_id,
    actions.campaign_id,
    actions.ad_id,
    actions.date,
    actions.action.action_type,
    'facebook_ads account ' || actions.account_id || ', campaign ' || actions.campaign_id
    || coalesce(', ad ' || actions.ad_id, '') || ', ' || actions.date || ': the figure of ' || actions.action.action_type
    || ' is no number and is not counted. Refresh that day again.' as message
from actions
inner join {{ ref('facebook_headline_actions') }} as headline on actions.action.action_type = headline.action_type
where {{ amount_of_text('actions.action.value') }} is null
