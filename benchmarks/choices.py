"""Choices between readings of a rule that no source decides, each a setting of dbt_project.yml."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """A setting of dbt_project.yml that no source decides, with the other value it could have.

    `rule`: what it decides; `used` and `other`: both readings in words. `in_sandbox`: the sandbox makes the
    same choice, so that its truth takes the models' side.
    """

    setting: str
    rule: str
    used: str
    other: str
    other_value: bool | int | str
    in_sandbox: bool = False


CHOICES = (
    Choice(
        "credited_take_units_first",
        "First claim to take a unit",
        "one that HubSpot credits",
        "credit does not matter",
        False,
    ),
    Choice(
        "repeats_take_units_last",
        "Second conversion after one click",
        "takes a unit after all first ones",
        "takes a unit like a first one",
        False,
    ),
    Choice(
        "latest_clicks_take_units_first",
        "Order of other claims",
        "latest click first",
        "earliest click first",
        False,
    ),
    Choice(
        "last_click_takes_all",
        "Earlier clicks, where the network pays the last one",
        "take no unit",
        "take what is left",
        False,
    ),
    Choice(
        "units_rounded_per_action",
        "Rounding of fractional conversions",
        "per action and day",
        "per day, all actions together",
        False,
        in_sandbox=True,
    ),
    Choice(
        "session_timeout_hours",
        "Longest gap of a timed-out session",
        "4 hours",
        "2 hours",
        2,
        in_sandbox=True,
    ),
    Choice(
        "direct_views_split_sessions",
        "Direct page view within 30 minutes",
        "stays in the session",
        "starts a session",
        True,
        in_sandbox=True,
    ),
    Choice(
        "hsa_block_taken",
        "Several sets of `hsa_*` in one address",
        "the first complete set counts",
        "the last complete set counts",
        "last",
        in_sandbox=True,
    ),
    Choice("open_page_hours", "Longest time a page stays open", "24 hours", "1 hour", 1),
    Choice(
        "unviewed_page_contacts",
        "Page without a recorded view lacks the code",
        "from 2 contacts on",
        "from 1 contact on",
        1,
    ),
    Choice(
        "form_untracked_submissions",
        "Form passes no cookie if most submissions are untracked",
        "from 5 untracked on",
        "from 20 untracked on",
        20,
    ),
    Choice(
        "form_tracking_days", "Submissions of a form that are compared", "30 days around", "7 days around", 7
    ),
    Choice(
        "existing_contact_tolerance_minutes",
        "Contact created by its first conversion",
        "at most 10 minutes before it",
        "at most 1 minute before it",
        1,
        in_sandbox=True,
    ),
    Choice(
        "lead_ad_url_hours",
        "URL in a contact's history that belongs to a lead",
        "24 hours around",
        "1 hour around",
        1,
    ),
)
