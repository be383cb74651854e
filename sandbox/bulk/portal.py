"""What a large portal holds: columns of numbers from a seed. Texts are computed from them in `records`.

The records are plausible, not simulated: nobody's behaviour is behind them. What must agree, agrees: a
contact's page-view count with its events, its calculated form submissions with the forms' logs, first and
last addresses with the landings among its events.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandbox.world.company import DEFAULT_NOW, guid

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

MINUTE_MS = 60_000
DAY_MS = 86_400_000
#: Contacts are created over two years before the portal is read.
NOW_MS = round(DEFAULT_NOW.timestamp() * 1000)
START_MS = NOW_MS - 730 * DAY_MS
#: Submissions older than this carry no conversionId.
CONVERSION_IDS_SINCE_MS = NOW_MS - 640 * DAY_MS
VIEWS_PER_VISIT = 3
CONTACTS_PER_COMPANY = 40
LIVE_PER_ARCHIVED = 500


@dataclass(frozen=True)
class Size:
    """How many records of each kind; `contacts` are the live ones, a few archived ones come on top."""

    contacts: int = 200_000
    submissions: int = 50_000
    page_views: int = 1_000_000
    deals: int = 2_000
    forms: int = 7

    @classmethod
    def parse(cls, text: str) -> Size:
        """From `contacts=200000,forms=7`; what is not named keeps its default.

        Raises:
            ValueError: an unknown name or something that is no count.
        """
        counts: dict[str, int] = {}
        for item in filter(None, text.split(",")):
            name, _, count = item.partition("=")
            if name not in cls.__dataclass_fields__ or not count.isdigit():
                raise ValueError(f"{item}: expected one of {', '.join(cls.__dataclass_fields__)} and a count")
            counts[name] = int(count)
        size = cls(**counts)
        if not size.contacts or (size.submissions and not size.forms):
            raise ValueError(
                f"{text}: there is no page view, submission or deal without a contact and a form"
            )
        return size


def mix(values: Any, salt: int) -> NDArray[np.uint64]:
    """64 well-mixed bits per number (SplitMix64, https://prng.di.unimi.it/splitmix64.c)."""
    with np.errstate(over="ignore"):
        z = np.asarray(values).astype(np.uint64) + np.uint64(salt) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def pick(values: Any, salt: int, choices: int) -> Ints:
    """One of `choices` per number, the same whenever it is asked."""
    return (mix(values, salt) % np.uint64(max(1, choices))).astype(np.int64)


class Portal:
    """The columns. Records of a kind are addressed by their position; `ids` ascend."""

    def __init__(self, size: Size, seed: int = 7) -> None:
        self.size = size
        self.now_ms = NOW_MS
        #: Grows with every change: what was worked out before is out of date.
        self.generation = 0
        self.form_guids = [guid("bulk-form", form) for form in range(size.forms)]
        rng = np.random.default_rng(seed)
        self._contacts(rng)
        self._submissions(rng)
        self._page_views(rng)
        self._companies_and_deals(rng)

    # -- building ---------------------------------------------------------------------------------------

    def _contacts(self, rng: np.random.Generator) -> None:
        live = self.size.contacts
        total = live + live // LIVE_PER_ARCHIVED
        self.contact_ids: Ints = 70_411_500_151 + np.cumsum(rng.integers(1, 90, total))
        self.contact_created: Ints = np.sort(rng.integers(START_MS, NOW_MS - 2 * DAY_MS, total))
        # a quarter of the stamps has no fraction: their precision varies
        whole = rng.random(total) < 0.25
        self.contact_created[whole] -= self.contact_created[whole] % 1000
        self.contact_archived: Flags = np.zeros(total, np.bool_)
        self.contact_archived[rng.choice(total, total - live, replace=False)] = True
        self.contact_modified: Ints = self.contact_created + rng.integers(0, DAY_MS, total)
        self.live: Ints = np.flatnonzero(~self.contact_archived)

    def _submissions(self, rng: np.random.Generator) -> None:
        count = self.size.submissions
        owner = np.sort(rng.choice(self.live, count))
        repeated = np.zeros(count, np.bool_)
        repeated[1:] = owner[1:] == owner[:-1]
        created = self.contact_created[owner]
        later = created + (rng.random(count) * (NOW_MS - created)).astype(np.int64)
        # the first submission creates the contact, 300 ms later
        self.sent_at: Ints = np.where(repeated, later, created - 300)
        self.sender: Ints = owner
        self.sent_to: Ints = rng.integers(0, max(1, self.size.forms), count)
        self._index_submissions()
        np.maximum.at(self.contact_modified, owner, self.sent_at + 900)

    def _index_submissions(self) -> None:
        by_form = np.lexsort((self.sent_at, self.sent_to))
        bounds = np.searchsorted(self.sent_to[by_form], np.arange(self.size.forms + 1))
        #: Positions of each form's submissions, newest first.
        self.logs = [by_form[bounds[f] : bounds[f + 1]][::-1] for f in range(self.size.forms)]
        #: Positions by sender, oldest first, and where each sender's begin.
        self.by_sender = np.lexsort((self.sent_at, self.sender))
        self.sender_bounds = np.searchsorted(
            self.sender[self.by_sender], np.arange(len(self.contact_ids) + 1)
        )

    def _page_views(self, rng: np.random.Generator) -> None:
        count, total = self.size.page_views, len(self.contact_ids)
        # a few contacts come very often, many were never seen
        weights = rng.pareto(1.3, len(self.live)) * (rng.random(len(self.live)) < 0.8)
        weights = weights + (weights.sum() == 0)
        per_contact = np.zeros(total, np.int64)
        per_contact[self.live] = rng.multinomial(count, weights / weights.sum())
        owner = np.repeat(np.arange(total), per_contact)
        rank = np.arange(count) - np.repeat(np.cumsum(per_contact) - per_contact, per_contact)
        visit = rank // VIEWS_PER_VISIT
        # views of a visit share its start; the first visit is the one that made the contact
        created = self.contact_created[owner]
        share = mix(owner * 1_000_003 + visit, 11).astype(np.float64) / 2**64
        start = np.where(
            visit == 0, created - 12 * MINUTE_MS, created + (share * (NOW_MS - created)).astype(np.int64)
        )
        at = start + (rank % VIEWS_PER_VISIT) * 2 * MINUTE_MS + rng.integers(0, MINUTE_MS, count)
        order = np.argsort(np.minimum(at, NOW_MS), kind="stable")
        #: Oldest first.
        self.viewed_at: Ints = np.minimum(at, NOW_MS)[order]
        self.viewer: NDArray[np.int32] = owner[order].astype(np.int32)
        self.view_visit: NDArray[np.int32] = visit[order].astype(np.int32)
        self.view_lands: Flags = (rank % VIEWS_PER_VISIT == 0)[order]
        self._summarise_views()
        np.maximum.at(self.contact_modified, self.viewer, self.viewed_at + 1500)
        np.minimum(self.contact_modified, NOW_MS, out=self.contact_modified)

    def _summarise_views(self) -> None:
        total = len(self.contact_ids)
        self.views_of: Ints = np.bincount(self.viewer, minlength=total)
        self.visits_of: Ints = np.bincount(self.viewer[self.view_lands], minlength=total)
        self.first_view: Ints = np.zeros(total, np.int64)
        self.last_view: Ints = np.zeros(total, np.int64)
        self.first_visit: Ints = np.zeros(total, np.int64)
        self.last_visit: Ints = np.zeros(total, np.int64)
        self.last_landing: Ints = np.zeros(total, np.int64)
        # of repeated positions numpy keeps the last assignment: newest first leaves the oldest
        self.first_view[self.viewer[::-1]] = self.viewed_at[::-1]
        self.last_view[self.viewer] = self.viewed_at
        self.first_visit[self.viewer[::-1]] = self.view_visit[::-1]
        lands = np.flatnonzero(self.view_lands)
        self.last_visit[self.viewer[lands]] = self.view_visit[lands]
        self.last_landing[self.viewer[lands]] = self.viewed_at[lands]
        self._by_viewer: NDArray[np.int64] | None = None

    def page_views_of(self, contact: int) -> Ints:
        """Positions of a contact's page views, oldest first."""
        if self._by_viewer is None:
            self._by_viewer = np.argsort(self.viewer, kind="stable")
        end = int(np.cumsum(self.views_of[: contact + 1])[-1])
        return self._by_viewer[end - int(self.views_of[contact]) : end]

    def _companies_and_deals(self, rng: np.random.Generator) -> None:
        companies = max(1, len(self.contact_ids) // CONTACTS_PER_COMPANY)
        self.company_ids: Ints = 8_120_330_017 + np.cumsum(rng.integers(1, 40, companies))
        self.company_created: Ints = np.sort(rng.integers(START_MS, NOW_MS - DAY_MS, companies))
        self.company_modified: Ints = self.company_created + rng.integers(0, DAY_MS, companies)
        positions = np.arange(len(self.contact_ids))
        #: Position of a contact's company; -1 for a private address.
        self.employer: Ints = np.where(pick(positions, 21, 10) < 3, -1, pick(positions, 22, companies))
        self._by_employer = np.argsort(self.employer, kind="stable")
        self._employer_bounds = np.searchsorted(self.employer[self._by_employer], np.arange(companies + 1))
        self._deals_of: dict[int, list[int]] | None = None
        deals = self.size.deals
        self.deal_ids: Ints = 9_320_440_000 + np.cumsum(rng.integers(1, 60, deals))
        self.deal_contact: Ints = rng.choice(self.live, deals)
        created = self.contact_created[self.deal_contact]
        order = np.argsort(created, kind="stable")
        self.deal_contact = self.deal_contact[order]
        self.deal_created: Ints = created[order] + DAY_MS
        self.deal_modified: Ints = np.minimum(NOW_MS, self.deal_created + rng.integers(0, 60 * DAY_MS, deals))

    def contacts_of_company(self, company: int) -> Ints:
        """Positions of a company's live contacts."""
        found = self._by_employer[self._employer_bounds[company] : self._employer_bounds[company + 1]]
        return found[~self.contact_archived[found]]

    def contacts_of_deal(self, deal: int) -> Ints:
        """Positions of a deal's contacts: one, and in a third of the deals a second one."""
        first = int(self.deal_contact[deal])
        second = int(self.live[int(pick(deal, 31, len(self.live)))])
        return np.array(sorted({first, second}) if int(pick(deal, 32, 3)) == 0 else [first])

    def deals_of_contact(self, contact: int) -> Ints:
        """Positions of a contact's deals."""
        if self._deals_of is None:
            self._deals_of = {}
            for deal in range(len(self.deal_ids)):
                for person in self.contacts_of_deal(deal).tolist():
                    self._deals_of.setdefault(person, []).append(deal)
        return np.array(self._deals_of.get(contact, []), np.int64)

    # -- reading ----------------------------------------------------------------------------------------

    def counts(self) -> dict[str, int]:
        """Records per kind, archived contacts apart."""
        return {
            "contacts": len(self.live),
            "archived_contacts": len(self.contact_ids) - len(self.live),
            "companies": len(self.company_ids),
            "deals": len(self.deal_ids),
            "deal_contacts": sum(len(self.contacts_of_deal(deal)) for deal in range(len(self.deal_ids))),
            "forms": self.size.forms,
            "submissions": len(self.sent_at),
            "page_views": len(self.viewed_at),
        }

    # -- changing ---------------------------------------------------------------------------------------

    def touch(
        self, contacts: int = 0, submissions: int = 0, page_views: int = 0, deals: int = 0
    ) -> dict[str, int]:
        """Change contacts and deals now; add submissions and page views of the first of them now."""
        rng = np.random.default_rng(self.generation + 1)
        self.generation += 1
        changed = rng.choice(self.live, min(max(0, contacts), len(self.live)), replace=False)
        self.contact_modified[changed] = self.now_ms
        moved = rng.choice(len(self.deal_ids), min(max(0, deals), len(self.deal_ids)), replace=False)
        self.deal_modified[moved] = self.now_ms
        active = changed if len(changed) else self.live[:1]
        if submissions > 0:
            self.sender = np.concatenate([self.sender, np.resize(active, submissions)])
            self.sent_at = np.concatenate([self.sent_at, np.full(submissions, self.now_ms)])
            self.sent_to = np.concatenate([self.sent_to, rng.integers(0, self.size.forms, submissions)])
            self._index_submissions()
        if page_views > 0:
            viewers = np.resize(active, page_views)
            self.viewer = np.concatenate([self.viewer, viewers.astype(np.int32)])
            self.viewed_at = np.concatenate([self.viewed_at, np.full(page_views, self.now_ms)])
            visit = np.full(page_views, int(self.view_visit.max(initial=0)) + 1, np.int32)
            self.view_visit = np.concatenate([self.view_visit, visit])
            self.view_lands = np.concatenate([self.view_lands, np.ones(page_views, np.bool_)])
            self._summarise_views()
        if submissions > 0 or page_views > 0:
            self.contact_modified[np.resize(active, max(submissions, page_views))] = self.now_ms
        return {
            "contacts": len(changed),
            "submissions": max(0, submissions),
            "page_views": max(0, page_views),
            "deals": len(moved),
        }


FORM_NAMES = ("Demo request", "Contact", "Newsletter", "Guide download", "Webinar", "Trial", "Price list")
FORM_KINDS = ("hubspot", "hubspot", "hubspot", "captured", "hubspot", "flow", "hubspot")
