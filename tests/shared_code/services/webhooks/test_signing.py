"""Signatures that the reference library of Standard Webhooks takes for right."""

from __future__ import annotations

import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from shared_code.services.webhooks.signing import new_secret, signed_headers

BODY = '{"text": "你好"}'.encode()


def now() -> int:
    return int(time.time())


def test_the_reference_library_verifies_what_is_signed() -> None:
    secret = new_secret()
    assert Webhook(secret).verify(BODY, signed_headers([secret], "event-1", now(), BODY)) == {"text": "你好"}


def test_both_keys_verify_while_one_follows_the_other() -> None:
    old, new = new_secret(), new_secret()
    headers = signed_headers([new, old], "event-1", now(), BODY)
    for key in (old, new):
        Webhook(key).verify(BODY, headers)


@pytest.mark.parametrize("change", [{"webhook-id": "event-2"}, {"webhook-timestamp": str(now() - 1)}, {}])
def test_what_was_changed_or_signed_by_another_does_not_verify(change: dict[str, str]) -> None:
    secret = new_secret()
    headers = signed_headers([secret], "event-1", now(), BODY) | change
    with pytest.raises(WebhookVerificationError):
        Webhook(secret if change else new_secret()).verify(BODY, headers)
