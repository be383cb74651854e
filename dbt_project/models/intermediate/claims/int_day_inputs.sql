with days as (
    select
        claims.network,
        claims.account_id,
        claims.date,
        'claims' as part,
        count(*) as records,
        bit_xor(hash(claims, facts, units)) as fingerprint
    from {{ ref('int_claims') }} as claims
    left join {{ ref('int_claim_facts') }} as facts
        on claims.submission_id = facts.submission_id and {{ same_ad('claims', 'facts') }}
    left join {{ ref('int_claim_units') }} as units
        on claims.submission_id = units.submission_id and {{ same_ad('claims', 'units') }}
    group by claims.network, claims.account_id, claims.date
    union all
    -- credits of any campaign and day that concern a claim's event and contact
    select
        claims.network,
        claims.account_id,
        claims.date,
        'credited' as part,
        count(*) as records,
        bit_xor(hash(claims.submission_id, {{ ad_key('claims.') }}, credited.attribution_report)) as fingerprint
    from {{ ref('int_claims') }} as claims
    inner join (
        select distinct
            attribution_report,
            event_id
        from {{ ref('int_credits') }}
    ) as credited
        on claims.submission_id = credited.event_id
    group by claims.network, claims.account_id, claims.date
    union all
    select
        claims.network,
        claims.account_id,
        claims.date,
        'counted' as part,
        count(*) as records,
        bit_xor(hash(claims.submission_id, {{ ad_key('claims.') }}, counted.attribution_report)) as fingerprint
    from {{ ref('int_claims') }} as claims
    inner join {{ ref('int_credits') }} as counted
        on claims.contact_id = counted.contact_id and {{ same_campaign('claims', 'counted') }} and counted.is_counted_event
    group by claims.network, claims.account_id, claims.date
    -- a campaign's figures are the sum of its ads'
    {%- for model in ['int_credits', 'int_ad_days', 'int_reconciled_days'] %}
        union all
        select
            rows.network,
            rows.account_id,
            rows.date,
            '{{ model }}' as part,
            count(*) as records,
            bit_xor(hash(rows)) as fingerprint
        from {{ ref(model) }} as rows
        group by rows.network, rows.account_id, rows.date
    {%- endfor %}
)

select
    network,
    account_id,
    date,
    hash(list((part, records, fingerprint) order by part)) as fingerprint
from days
group by network, account_id, date
