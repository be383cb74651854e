"""Erasure of contacts: remove all their personal data from the raw store.

The remaining rows contain only record ids, instants and ad parameters (`hsa_*`), so that totals of the past
stay the same and no contact can be identified. `pipelines.finish_erasures` removes the rest: leads of the
networks, and what other files have derived.
"""

from __future__ import annotations

import duckdb

from ingestion.config import home
from ingestion.landing.personal import ErasedAddresses
from ingestion.landing.resources import Landing
from ingestion.landing.store import RAW_SCHEMA

_STRIPPED = """
    CASE WHEN {url} IS NOT NULL THEN regexp_extract({url}, '^[^?#]*') || coalesce(
        '?' || nullif(array_to_string(regexp_extract_all({url}, 'hsa_[a-z]+=[^&#]*'), '&'), ''), ''
    ) END
"""


def schedule(landing: Landing, erased: list[str], aliases: str) -> list[str]:
    """Schedule the erasure of contacts for the end of this load; return their ids and those merged into them.

    `aliases` is a query of the ids that were merged into other contacts (alias_id, contact_id).
    """
    store = landing.store
    found = store.rows(
        f"""
        WITH RECURSIVE aliases AS ({aliases}), gone AS (
            SELECT unnest(?) AS id
            UNION
            SELECT alias_id FROM aliases JOIN gone ON aliases.contact_id = gone.id
        )
        SELECT DISTINCT gone.id FROM gone JOIN contacts ON gone.id = contacts.id WHERE deleted_at IS NULL
        """,
        [erased],
    )
    ids = sorted({*erased, *(row[0] for row in found)})
    addresses = store.rows(
        "SELECT unnest(string_split(concat_ws(';', email, hs_additional_emails), ';')) FROM contacts"
        " WHERE id IN (SELECT unnest(?))",
        [ids],
    )
    submissions = store.rows(
        """
        SELECT DISTINCT log.form_id, log.id, contact.id
        FROM contacts AS contact
        JOIN form_submissions AS log ON (
            list_contains(
                string_split(lower(concat_ws(';', contact.email, contact.hs_additional_emails)), ';'),
                lower(list_filter(from_json(log."values", '[{"name":"VARCHAR","value":"VARCHAR"}]'),
                    lambda field: field.name = 'email')[1].value)
            )
            OR contains(
                contact.hs_calculated_form_submissions, log.form_id || ':'
            ) AND regexp_matches(
                contact.hs_calculated_form_submissions,
                log.form_id || ':[^:;]*:' || epoch_ms(log.submitted_at)
            )
        )
        WHERE contact.id IN (SELECT unnest(?))
        """,
        [ids],
    )

    def purge() -> None:
        ErasedAddresses(home()).add(address for (address,) in addresses)
        with duckdb.connect(str(store.path)) as connection:
            connection.execute(f"USE {RAW_SCHEMA}")
            connection.execute("BEGIN")
            connection.execute("CREATE TEMP TABLE erased AS SELECT unnest(?) AS id", [ids])
            connection.execute("CREATE TEMP TABLE logged (form_id VARCHAR, id VARCHAR, contact_id VARCHAR)")
            if submissions:
                connection.executemany("INSERT INTO logged VALUES (?, ?, ?)", submissions)
            connection.execute(
                f"""
                UPDATE form_submissions AS log
                SET "values" = '[]', erased_contact_id = logged.contact_id,
                    page_url = {_STRIPPED.format(url="log.page_url")}
                FROM logged WHERE log.form_id = logged.form_id AND log.id = logged.id
                """
            )
            connection.execute(
                f"""
                UPDATE page_view_events
                SET hs_url = {_STRIPPED.format(url="hs_url")}, hs_title = NULL,
                    hs_referrer = regexp_extract(hs_referrer, '^[^?#]*')
                WHERE object_id IN (SELECT id FROM erased)
                """
            )
            connection.execute("DELETE FROM contact_histories WHERE contact_id IN (SELECT id FROM erased)")
            connection.execute("DELETE FROM list_memberships WHERE contact_id IN (SELECT id FROM erased)")
            connection.execute(
                "DELETE FROM quarantine"
                " WHERE coalesce(record ->> 'id', record ->> 'objectId', record ->> 'recordId')"
                " IN (SELECT id FROM erased)"
            )
            connection.execute("COMMIT")

    # also after the load, because a form's log may still have listed the submissions when this load read it
    landing.before_load.append(purge)
    landing.after_load.append(purge)
    return ids
