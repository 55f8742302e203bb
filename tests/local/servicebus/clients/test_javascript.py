"""@azure/service-bus in Node: scenarios of `js/scenarios.mjs`, run in one process, a test each.

Documented in learn.microsoft.com/javascript/api/overview/azure/service-bus-readme.
"""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from local.paths import PROJECT
from tests.local.servicebus.running import connection_string

SCENARIOS = (
    "properties_arrive",
    "messages_are_abandoned_with_properties_and_die",
    "dead_letters_say_why_and_carry_more",
    "batches_and_large_messages_arrive",
    "thousands_are_sent_on_one_link",
    "a_short_receive_drains_its_credit",
    "messages_are_scheduled_cancelled_peeked_deferred_and_renewed",
    "subscribers_renew_locks_and_run_side_by_side",
    "locks_expire_and_count",
    "expired_messages_die",
    "scheduled_messages_come_when_due",
    "a_message_id_is_taken_once",
    "batches_know_their_limit",
    "topics_filter",
    "subscriptions_have_dead_letters",
    "sessions_are_held_by_one_and_keep_state",
    "a_session_whose_lock_expired_is_lost",
    "deferred_messages_of_a_session_come_by_number",
    "errors_are_recognised",
    "rules_are_refused_with_a_sentence",
    "a_busy_server_is_recognised_and_tried_again",
)


@pytest.fixture(scope="module")
def outcomes(bus: int, busy_bus: int) -> dict[str, dict[str, Any]]:
    script = PROJECT / "tests" / "local" / "servicebus" / "js" / "scenarios.mjs"
    finished = subprocess.run(
        ["node", str(script), connection_string(bus), connection_string(busy_bus)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=110,
    )
    found = {outcome["name"]: outcome for outcome in map(json.loads, finished.stdout.splitlines())}
    assert set(found) == set(SCENARIOS), finished.stderr
    return found


@pytest.mark.parametrize("name", SCENARIOS)
def test_javascript(outcomes: dict[str, dict[str, Any]], name: str) -> None:
    assert outcomes[name]["passed"], outcomes[name]["error"]
