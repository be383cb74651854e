{# Money, conversions and other counted amounts: decimals with six places. #}
{% macro amount(expression) -%}
    cast({{ expression }} as decimal(18, 6))
{%- endmacro %}

{# Such an amount from a text of a vendor or its users; null if it is no number. #}
{% macro amount_of_text(expression) -%}
    try_cast(nullif({{ expression }}, '') as decimal(18, 6))
{%- endmacro %}

{# Google's amounts of money, in millionths of the currency. #}
{% macro amount_of_micros(expression) -%}
    {{ amount('cast(' ~ expression ~ ' as decimal(18, 0)) * 0.000001') }}
{%- endmacro %}

{# The amount in the company's currency, at `rate` where the currencies differ. DuckDB limits the product of two decimals to 18
   digits, which overflows at 10,000 a day, unless a factor has more. #}
{% macro amount_in(company_currency, amount, currency, rate) -%}
    cast(
        cast({{ amount }} as decimal(38, 6)) * case when {{ currency }} = {{ company_currency }} then 1 else {{ rate }} end
        as decimal(18, 6)
    )
{%- endmacro %}
