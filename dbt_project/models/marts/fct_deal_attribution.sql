-- per report, a won deal's credit is split equally among its credited contacts, then among each contact's ads
with won as (
    select * from {{ ref('int_won_deal_amounts') }}
),

reports as (
    {{ attribution_report_rows() }}
),

credited as (
    select
        attribution.attribution_report,
        won.deal_id,
        attribution.contact_id,
        {{ ad_key('attribution.') }},
        attribution.credited_at,
        cast(1 as double) / count(*) over (
            partition by attribution.attribution_report, won.deal_id, attribution.contact_id
        ) as share_of_contact
    from won
    inner join {{ ref('int_deal_contacts') }} as contacts on won.deal_id = contacts.deal_id
    inner join {{ ref('fct_contact_attribution') }} as attribution on contacts.contact_id = attribution.contact_id
),

credits as (
    select
        attribution_report,
        deal_id,
        {{ ad_key() }},
        list(distinct contact_id order by contact_id) as contact_ids,
        min(credited_at) as credited_at,
        sum(share_of_contact) as contact_credit
    from credited
    group by attribution_report, deal_id, {{ ad_key() }}
),

shares as (
    select
        *,
        cast(contact_credit / sum(contact_credit) over (partition by attribution_report, deal_id) as decimal(18, 12)) as share,
        row_number() over (partition by attribution_report, deal_id order by contact_credit desc, {{ ad_key() }}) as position
    from credits
)

select
    reports.attribution_report,
    won.deal_id,
    shares.network,
    shares.account_id,
    shares.campaign_id,
    shares.ad_group_id,
    shares.ad_id,
    coalesce(shares.contact_ids, []) as contact_ids,
    shares.credited_at,
    won.closed_at,
    won.amount,
    won.currency,
    won.amount_company_currency,
    -- the largest share gets the rounding remainder, so that a deal's credits sum to exactly 1
    cast(case
        when shares.deal_id is null then cast(1 as decimal(18, 12))
        when shares.position = 1
            then
                cast(1 as decimal(18, 12)) - coalesce(
                    sum(shares.share) filter (where shares.position > 1) over (
                        partition by reports.attribution_report, won.deal_id
                    ), 0
                )
        else shares.share
    end as decimal(18, 12)) as credit
from won
cross join reports
left join shares on won.deal_id = shares.deal_id and reports.attribution_report = shares.attribution_report
