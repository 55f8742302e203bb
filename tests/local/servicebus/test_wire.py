"""The protocol from underneath: what the SDKs rely on without saying so, and what no client should send.

Sections are those of AMQP 1.0 (docs.oasis-open.org/amqp/core/v1.0).
"""

from __future__ import annotations

import random
import socket
import time
import uuid
from itertools import pairwise
from typing import Any

import pytest

from local.servicebus.amqp.codec import Described, Int, Symbol, Uint, Ulong, encode
from local.servicebus.amqp.frames import Frame, encode_frame
from tests.local.servicebus.messages import (
    APPLICATION_PROPERTIES,
    DATA,
    DELIVERY_ANNOTATIONS,
    PROPERTIES,
    VALUE,
    body_of,
    message_bytes,
    section,
    sections,
)
from tests.local.servicebus.wire import (
    AMQP_HEADER,
    NO_SOURCE,
    NO_TARGET,
    SASL_HEADER,
    Wire,
    shared_access_signature,
    source,
    target,
    wire,
)

ACCEPTED = Described(Ulong(0x24), [])
FUZZED_CONNECTIONS = 100


def drained(client: Wire, handle: int) -> list[bytes]:
    """Everything that is ready on a link, received and deleted."""
    client.attach_receiver(handle, "wire", snd_settle_mode=1, rcv_settle_mode=0, credit=0)
    client.give_credit(handle, 10_000, drain=True)
    found: dict[int, bytes] = {}
    while True:
        frame, payload = client.read()
        if frame.kind == "transfer":
            found[frame.delivery_id] = found.get(frame.delivery_id, b"") + payload
        elif frame.kind == "flow" and frame.handle == handle:
            assert (frame.link_credit, frame.delivery_count, frame.drain) == (0, 10_000, True)
            return list(found.values())


@pytest.mark.parametrize(
    "greeting",
    [
        bytes.fromhex("16030100f8010000f40303"),  # TLS
        b"AMQP\x02\x01\x00\x00",  # TLS by AMQP's own header
        b"GET /$servicebus/websocket HTTP/1.1\r\n",
        AMQP_HEADER,  # no SASL
    ],
)
def test_another_protocol_is_answered_with_ours_and_closed(bus: int, greeting: bytes) -> None:
    """2.2: a peer that cannot speak what it hears names what it can."""
    with wire(bus, entity=None) as client:
        client.socket.sendall(greeting)
        assert client.read_bytes(8) == SASL_HEADER
        assert client.ended()


def test_the_handshake_says_what_the_sdks_need(bus: int) -> None:
    """A max-frame-size of null or a session without a window would stop them."""
    with wire(bus, entity=None) as client:
        opened = client.open()
        begun = client.begin(7)

    assert (opened.hostname, opened.max_frame_size, opened.channel_max) == ("localhost", 65_536, 4_999)
    assert opened.idle_time_out == 240_000
    assert (begun.remote_channel, begun.incoming_window, begun.outgoing_window, begun.handle_max) == (
        7,
        5000,
        5000,
        255,
    )


def test_bytes_may_come_one_by_one(bus: int) -> None:
    with wire(bus, entity=None) as client:
        for byte in SASL_HEADER + encode_frame(0, Frame("init", mechanism="ANONYMOUS")) + AMQP_HEADER:
            client.socket.sendall(bytes((byte,)))
        client.write(Frame("open", container_id="test"))
        assert client.read_bytes(8) == SASL_HEADER
        client.expect("outcome")
        assert client.read_bytes(8) == AMQP_HEADER
        client.expect("open")


def test_a_client_that_wants_heartbeats_gets_them(bus: int) -> None:
    """2.4.5: an empty frame within its idle time-out."""
    with wire(bus, entity=None) as client:
        client.open(idle_time_out=200)
        started = time.monotonic()
        for _ in range(4):
            assert client.read_bytes(8) == bytes.fromhex("0000000802000000")

    assert time.monotonic() - started >= 0.2


def test_an_attach_is_answered_with_its_own_source_and_target(bus: int) -> None:
    with wire(bus) as client:
        sending = client.attach(1, role=False, source=source("from"), target=target("wire"), snd_settle_mode=None)
        receiving = client.attach(2, role=True, source=source("wire"), target=target("to"), rcv_settle_mode=1)

    assert (sending.role, sending.snd_settle_mode, sending.rcv_settle_mode) == (True, 2, 0)
    assert (sending.source.value[0], sending.target.value[0]) == ("from", "wire")
    assert sending.initial_delivery_count is None
    assert sending.max_message_size == 1_048_576
    assert sending.properties == {"com.microsoft:max-message-batch-size": 262_144}
    assert (receiving.role, receiving.rcv_settle_mode, receiving.initial_delivery_count) == (False, 1, 0)
    assert (len(receiving.source.value), len(receiving.target.value)) == (11, 7)


@pytest.mark.parametrize(
    ("fields", "condition"),
    [
        ({"role": False, "source": NO_SOURCE, "target": Described(Ulong(0x30), [])}, "amqp:not-implemented"),
        ({"role": True, "source": source("wire/absent"), "target": NO_TARGET}, "amqp:not-found"),
        ({"role": True, "source": source("learners"), "target": NO_TARGET}, "amqp:unauthorized-access"),
        ({"role": False, "source": NO_SOURCE, "target": None}, "amqp:unauthorized-access"),
        (
            {
                "role": True,
                "source": source("wire", {Symbol("com.microsoft:session-filter"): "mei"}),
                "target": NO_TARGET,
            },
            "amqp:not-allowed",
        ),
    ],
)
def test_a_refused_link_leads_nowhere_and_says_why(bus: int, fields: dict[str, Any], condition: str) -> None:
    """2.6.3: an attach without source and target, and a detach with the error."""
    with wire(bus) as client:
        reply = client.attach(1, **fields)
        detached = client.expect("detach")

    assert (reply.source, reply.target) == (None, None)
    assert (detached.closed, detached.error.value[0]) == (True, condition)
    assert len(detached.error.value) == 3


def test_the_text_of_an_unknown_entity_is_what_javascript_looks_for(bus: int) -> None:
    with wire(bus) as client:
        client.attach_receiver(1, "wire/absent")
        text = client.expect("detach").error.value[1]

    assert text.startswith("The messaging entity 'wire/absent' could not be found.")


def test_a_message_is_confirmed_as_its_receiver(bus: int) -> None:
    """2.7.6: with the wrong role every send of JavaScript times out."""
    with wire(bus) as client:
        client.attach_sender(1, "wire")
        client.transfer(1, 5, message_bytes("a"))
        confirmed = client.expect("disposition")
        assert [body_of(each) for each in drained(client, 2)] == ["a"]

    assert (confirmed.role, confirmed.first, confirmed.last, confirmed.settled) == (True, 5, 5, True)
    assert confirmed.state == ACCEPTED


def test_a_delivery_may_be_cut_into_frames_settled_or_aborted(bus: int) -> None:
    """2.6.14: id and tag are sure on the first frame only; an aborted delivery never was."""
    whole = message_bytes("x" * 500)
    with wire(bus) as client:
        client.attach_sender(1, "wire")
        client.transfer(1, 1, whole[:100], more=True)
        client.write(Frame("transfer", handle=1, more=True), payload=whole[100:200])
        client.write(Frame("transfer", handle=1, settled=True), payload=whole[200:])
        client.transfer(1, 2, whole[:100], more=True)
        client.write(Frame("transfer", handle=1, aborted=True))
        client.transfer(1, 3, message_bytes("last"))
        confirmed = client.expect("disposition")
        assert [body_of(each) for each in drained(client, 2)] == ["x" * 500, "last"]

    assert confirmed.first == 3


@pytest.mark.parametrize(
    ("payload", "fields", "condition"),
    [
        (b"\xff\xff", {}, "amqp:decode-error"),
        (section(DATA, b"x") + section(PROPERTIES, []), {}, "amqp:decode-error"),
        (section(DATA, b"no message"), {"message_format": 0x80013700}, "amqp:decode-error"),
        (message_bytes(), {"state": Described(Ulong(0x34), [b"transaction"])}, "amqp:not-implemented"),
    ],
)
def test_what_is_not_taken_is_rejected_with_an_error_of_three_fields(
    bus: int, payload: bytes, fields: dict[str, Any], condition: str
) -> None:
    with wire(bus) as client:
        client.attach_sender(1, "wire")
        client.transfer(1, 1, payload, **fields)
        rejected = client.expect("disposition").state
        assert drained(client, 2) == []

    assert rejected.descriptor == 0x25
    error = rejected.value[0]
    assert (error.value[0], len(error.value)) == (condition, 3)


def test_credit_and_window_are_given_again_before_they_run_out(bus: int) -> None:
    """Without, clients stop for ever after 1,000 messages or 5,000 frames."""
    with wire(bus) as client:
        client.attach_sender(1, "wire")
        first = client.expect("flow")
        credit: list[tuple[int, int]] = []
        windows: list[int] = []
        for number in range(6_000):
            client.transfer(1, number, message_bytes(), settled=True)
        while not windows or windows[-1] < 5_000:
            flow = client.expect("flow")
            windows.append(flow.next_incoming_id)
            if flow.handle == 1:
                credit.append((flow.delivery_count, flow.link_credit))
        assert len(drained(client, 2)) == 6_000

    assert (first.handle, first.link_credit) == (1, 1000)
    assert all(later - earlier < 1000 for earlier, later in pairwise([0, *(count for count, _ in credit)]))
    assert all(later - earlier < 5000 for earlier, later in pairwise([0, *windows]))
    assert all(given == 1000 for _, given in credit)


def test_deliveries_wait_for_the_sessions_window(bus: int) -> None:
    """2.5.6."""
    with wire(bus) as client:
        client.attach_sender(1, "wire")
        for number in range(5):
            client.transfer(1, number, message_bytes(str(number)), settled=True)
        client.attach_receiver(2, "wire", snd_settle_mode=1, credit=0)
        client.give_credit(2, 5, next_incoming_id=1, incoming_window=2)  # the answer to the token was the first
        got = [client.expect("transfer") for _ in range(2)]
        client.give_credit(2, 5, next_incoming_id=3, incoming_window=0, echo=True)
        frame, _ = client.read()
        assert (frame.kind, frame.handle) == ("flow", 2)
        client.give_credit(2, 5, next_incoming_id=3, incoming_window=10)
        got += [client.expect("transfer") for _ in range(3)]

    ids = [frame.delivery_id for frame in got]
    assert ids == list(range(ids[0], ids[0] + 5))
    assert ids[0] >= 1 << 30  # pyamqp takes ids that it uses itself for its own


def test_large_deliveries_fit_the_clients_frames(bus: int) -> None:
    with wire(bus, entity=None) as client:
        client.open(max_frame_size=512)
        client.authorize("sb://localhost/wire")
        client.attach_sender(1, "wire")
        client.transfer(1, 1, message_bytes("x" * 2_000), settled=True)
        client.attach_receiver(2, "wire", snd_settle_mode=1)
        parts = []
        while True:
            frame, payload = client.read()
            if frame.kind == "transfer":
                parts.append((frame.delivery_id, frame.delivery_tag, len(payload)))
                if not frame.more:
                    break

    assert len(parts) > 4
    assert len({(number, tag) for number, tag, _ in parts}) == 1
    assert all(size <= 512 - 64 for _, _, size in parts)


def test_a_range_of_settlements_is_answered_one_by_one(bus: int) -> None:
    """rhea settles ranges; pyamqp waits for an answer by each delivery's own number."""
    with wire(bus) as client:
        client.attach_sender(1, "wire")
        for number in range(3):
            client.transfer(1, number, message_bytes(str(number)), settled=True)
        client.attach_receiver(2, "wire", snd_settle_mode=0, rcv_settle_mode=1)
        got = [client.expect("transfer") for _ in range(3)]
        first, last = got[0].delivery_id, got[2].delivery_id
        client.write(Frame("disposition", role=True, first=first, last=last, state=ACCEPTED))
        answers = [client.expect("disposition") for _ in range(3)]

    assert [(answer.role, answer.first, answer.last, answer.settled) for answer in answers] == [
        (False, number, number, True) for number in range(first, last + 1)
    ]
    assert all(len(frame.delivery_tag) == 16 for frame in got)


@pytest.mark.parametrize(
    ("state", "answer", "left"),
    [
        (Described(Ulong(0x24), []), Described(Ulong(0x24), []), []),
        (Described(Ulong(0x26), []), Described(Ulong(0x26), []), ["a"]),
        (Described(Ulong(0x27), [True, False, None]), Described(Ulong(0x27), [True, False, None]), ["a"]),
        (Described(Ulong(0x27), []), Described(Ulong(0x27), []), ["a"]),
        (Described(Ulong(0x25), []), Described(Ulong(0x25), [None]), []),
    ],
)
def test_every_outcome_is_confirmed_as_it_was_given(
    bus: int, state: Described, answer: Described, left: list[str]
) -> None:
    """A rejection is confirmed without an error, which would mean that it failed."""
    with wire(bus) as client:
        client.attach_sender(1, "wire")
        client.transfer(1, 1, message_bytes("a"), settled=True)
        client.attach_receiver(2, "wire", snd_settle_mode=0, rcv_settle_mode=1, credit=1)
        number = client.expect("transfer").delivery_id
        client.write(Frame("disposition", role=True, first=number, state=state))
        confirmed = client.expect("disposition")
        assert [body_of(each) for each in drained(client, 3)] == left

    assert confirmed.state == answer


def test_a_settlement_that_expects_no_answer_gets_none(bus: int) -> None:
    """azure-servicebus 7.14 settles at once."""
    with wire(bus) as client:
        client.attach_sender(1, "wire")
        client.transfer(1, 1, message_bytes("a"), settled=True)
        client.attach_receiver(2, "wire", snd_settle_mode=0, rcv_settle_mode=1)
        number = client.expect("transfer").delivery_id
        client.write(Frame("disposition", role=True, first=number, settled=True, state=ACCEPTED))
        client.give_credit(2, 0, echo=True)
        frame, _ = client.read()

    assert frame.kind == "flow"


def test_settling_within_a_transaction_is_not_implemented(bus: int) -> None:
    with wire(bus) as client:
        client.attach_sender(1, "wire")
        client.transfer(1, 1, message_bytes("a"), settled=True)
        client.attach_receiver(2, "wire", snd_settle_mode=0, rcv_settle_mode=1)
        number = client.expect("transfer").delivery_id
        state = Described(Ulong(0x34), [b"transaction", ACCEPTED])
        client.write(Frame("disposition", role=True, first=number, state=state))
        rejected = client.expect("disposition").state
        client.attach_receiver(3, "wire/$management", name="answers")
        client.write(Frame("detach", handle=2, closed=True))
        client.expect("detach")

    assert rejected.value[0].value[0] == "amqp:not-implemented"
    with wire(bus) as client:
        client.attach_receiver(2, "wire", snd_settle_mode=1)


def request(client: Wire, operation: str, body: object, *, message_id: object = "id") -> dict[int, Any]:
    """The answer to a management request, sent over handles 10 and 11."""
    client.attach_receiver(10, "wire/$management")
    client.attach_sender(11, "wire/$management")
    properties = section(PROPERTIES, [message_id, None, None, None, "wire/$management"])
    properties += section(APPLICATION_PROPERTIES, {"operation": operation})
    client.transfer(11, 900, properties + section(VALUE, body))
    while True:
        frame, payload = client.read()
        if frame.kind == "transfer" and frame.handle == 10:
            for handle in (10, 11):
                client.write(Frame("detach", handle=handle, closed=True))
                client.expect("detach")
            return sections(payload)


@pytest.mark.parametrize(
    ("operation", "body", "status", "condition"),
    [
        ("com.microsoft:add-rule", {}, 501, "amqp:not-implemented"),
        ("com.microsoft:renew-session-lock", {"session-id": "a"}, 400, "amqp:not-allowed"),
        ("com.microsoft:peek-message", {}, 400, "com.microsoft:argument-error"),
        ("com.microsoft:peek-message", "no map", 400, "com.microsoft:argument-error"),
        ("com.microsoft:schedule-message", {"messages": [{"message": b"\xff"}]}, 400, "amqp:decode-error"),
        (
            "com.microsoft:renew-lock",
            {"lock-tokens": (uuid.UUID(int=1),)},
            410,
            "com.microsoft:message-lock-lost",
        ),
        ("com.microsoft:renew-lock", {"lock-tokens": 7}, 400, "com.microsoft:argument-error"),
        (
            "com.microsoft:cancel-scheduled-message",
            {"sequence-numbers": (1 << 40,)},
            404,
            "com.microsoft:message-not-found",
        ),
        (
            "com.microsoft:update-disposition",
            {"lock-tokens": (uuid.UUID(int=1),), "disposition-status": "invented"},
            400,
            "com.microsoft:argument-error",
        ),
    ],
)
def test_a_request_that_cannot_be_met_says_why(
    bus: int, operation: str, body: object, status: int, condition: str
) -> None:
    """learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-request-response."""
    with wire(bus) as client:
        answer = request(client, operation, body, message_id=uuid.UUID(int=7))

    properties = answer[APPLICATION_PROPERTIES]
    assert (properties["statusCode"], properties["errorCondition"]) == (status, condition)
    assert properties["statusDescription"]
    assert answer[PROPERTIES][5] == uuid.UUID(int=7)


def test_deferred_messages_bring_their_token_where_older_clients_look(bus: int) -> None:
    """azure-servicebus 7.14 reads it from the delivery annotations alone."""
    with wire(bus) as client:
        client.attach_sender(1, "wire")
        client.transfer(1, 1, message_bytes("a"), settled=True)
        client.attach_receiver(2, "wire", snd_settle_mode=0, rcv_settle_mode=1)
        frame, payload = client.read()
        while frame.kind != "transfer":
            frame, payload = client.read()
        number = sections(payload)[0x72]["x-opt-sequence-number"]
        state = Described(Ulong(0x27), [False, True, None])
        client.write(Frame("disposition", role=True, first=frame.delivery_id, state=state))
        client.expect("disposition")
        body = {"sequence-numbers": (number,), "receiver-settle-mode": Uint(1)}
        [deferred] = request(client, "com.microsoft:receive-by-sequence-number", body)[VALUE]["messages"]
        token = deferred["lock-token"]
        settled = {"disposition-status": "completed", "lock-tokens": (token,)}
        request(client, "com.microsoft:update-disposition", settled)

    assert sections(deferred["message"])[DELIVERY_ANNOTATIONS] == {"x-opt-lock-token": token}


def test_a_detach_after_the_end_of_its_session_is_ignored(bus: int) -> None:
    """pyamqp closes in that order."""
    with wire(bus) as client:
        client.attach_sender(1, "wire")
        client.write(Frame("end"), Frame("detach", handle=1, closed=True))
        client.expect("end")
        client.begin(0)
        client.attach_sender(1, "wire")


def test_a_closed_connection_is_closed_in_turn(bus: int) -> None:
    with wire(bus) as client:
        client.write(Frame("close"))
        client.expect("close")
        assert client.ended()


@pytest.mark.parametrize(
    "frame",
    [
        "00000007 02000000",  # shorter than its own header
        "7fffffff 02000000",  # longer than what we take
        "0000000c 01000000 005310 45",  # the body within the header
        "0000000c 02000000 0053ff 45",
        "0000000f 02000000 005312 c0020141",
        "0000000c 02010000 005341 45",  # SASL without a mechanism
        "0000000c 02000000 005340 45",
        "0000000f 02000000 005311 c00302 4040",
        "00000013 02000000 005311 c00604 4054ff4343",  # an id below zero
    ],
)
def test_a_malformed_frame_ends_its_own_connection_only(bus: int, frame: str) -> None:
    """2.8.15: amqp:decode-error."""
    with wire(bus) as bystander, wire(bus) as client:
        client.socket.sendall(bytes.fromhex(frame))
        closed = client.expect("close")
        assert client.ended()
        bystander.attach_sender(1, "wire")

    assert closed.error.value[0] == "amqp:decode-error"


def test_links_and_channels_are_not_taken_twice(bus: int) -> None:
    for again in (Frame("attach", name="b", handle=1, role=False), None):
        with wire(bus) as client:
            client.attach_sender(1, "wire")
            if again is None:
                client.write(Frame("begin", next_outgoing_id=0, incoming_window=1, outgoing_window=1))
            else:
                client.write(again)
            assert client.expect("close").error.value[0] == "amqp:decode-error"


def test_frames_with_changed_bytes_hurt_nobody_else(bus: int, caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be understood is answered, not stumbled over; another client goes on."""
    chance = random.Random(7)
    outcome = Described(Ulong(0x27), [None, True, {Symbol("a"): 1}])
    asked = section(PROPERTIES, ["id", None, None, None, "link-10"])
    asked += section(APPLICATION_PROPERTIES, {"operation": "com.microsoft:peek-message"})
    asked += section(VALUE, {"from-sequence-number": 1, "message-count": Int(1)})
    filters = {Symbol("com.microsoft:session-filter"): "mei"}
    seen = Frame("transfer", handle=1, delivery_id=1, delivery_tag=b"t")
    question = Frame("transfer", handle=11, delivery_id=2, delivery_tag=b"t")
    flow = Frame("flow", incoming_window=9, next_outgoing_id=0, outgoing_window=9, handle=2, link_credit=5)
    attaching = Frame(
        "attach", name="l", handle=3, role=True, target=NO_TARGET, properties={"com.microsoft:timeout": 9}
    )
    attaching.source = source("wire", filters)
    frames = [
        encode_frame(0, attaching),
        encode_frame(0, flow),
        encode_frame(0, seen, message_bytes(ttl=7, a="b")),
        encode_frame(0, question, asked),
        encode_frame(0, Frame("disposition", role=True, first=1 << 30, last=(1 << 30) + 9, state=outcome)),
        encode_frame(0, Frame("detach", handle=1, closed=True)),
    ]
    with wire(bus) as bystander:
        for _ in range(FUZZED_CONNECTIONS):
            with wire(bus) as client:
                client.attach_sender(1, "wire")
                client.transfer(1, 1, message_bytes("a"), settled=True)
                client.attach_receiver(2, "wire", credit=1)
                client.attach_receiver(10, "wire/$management")
                client.attach_sender(11, "wire/$management")
                noise = bytearray(b"".join(chance.choices(frames, k=4)))
                for _ in range(chance.randint(1, 6)):
                    noise[chance.randrange(4, len(noise))] = chance.randrange(256)
                client.socket.sendall(noise)
                client.socket.shutdown(socket.SHUT_WR)
                assert client.ended()
        bystander.attach_sender(1, "wire")
        drained(bystander, 2)
        bystander.transfer(1, 1, message_bytes("still here"))
        assert bystander.expect("disposition").state == ACCEPTED
        assert [body_of(each) for each in drained(bystander, 3)] == ["still here"]
    assert [record.exc_info for record in caplog.records if record.name == "asyncio"] == []


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (shared_access_signature("sb://localhost/wire", key="another"), "not signed"),
        (shared_access_signature("sb://localhost/wire", name="another"), "not signed"),
        (shared_access_signature("sb://localhost/wire", expires=1_700_000_000), "expired"),
        (shared_access_signature("sb://localhost/other"), "not for"),
        ("SharedAccessSignature nonsense", "not signed"),
        ("header.claims.signature", "not a shared access signature"),
    ],
)
def test_a_token_that_does_not_hold_grants_nothing(bus: int, token: str, why: str) -> None:
    """learn.microsoft.com/azure/service-bus-messaging/service-bus-sas."""
    with wire(bus, entity=None) as client:
        client.open()
        status = client.authorize("sb://localhost/wire", token)
        client.attach_sender(1, "wire")
        refused = client.expect("detach").error

    assert (status["status-code"], status["error-condition"]) == (401, "amqp:unauthorized-access")
    assert why in status["status-description"]
    assert refused.value[0] == "amqp:unauthorized-access"


def test_a_signature_is_checked_over_the_resource_as_it_was_written(bus: int) -> None:
    resource = "sb%3A%2F%2Flocalhost%2Fqueue.1"
    assert shared_access_signature("sb://localhost/queue.1", expires=1_800_000_000) == (
        f"SharedAccessSignature sr={resource}&sig=O%2BxRRsmCk%2B9sPtKM72J6BQLxOE6Zjb8Yeqd%2FOo7XUxI%3D"
        "&se=1800000000&skn=RootManageSharedAccessKey"
    )


@pytest.mark.parametrize("granted", ["sb://localhost/", "sb://localhost:5672/WIRE", "wire"])
def test_a_grant_covers_what_is_below_it(bus: int, granted: str) -> None:
    with wire(bus, entity=None) as client:
        client.open()
        assert client.authorize(granted)["status-code"] == 202
        for handle, address in enumerate(("wire", "wire/$DeadLetterQueue", "wire/$management"), start=1):
            assert client.attach_receiver(handle, f"amqps://localhost:5672/{address}").source is not None


def test_a_session_that_waits_can_be_given_up(bus: int) -> None:
    """Its attach is answered, leading nowhere, before it is detached: a client knows only links that it attached."""
    with wire(bus, entity="learners") as client:
        filters = {Symbol("com.microsoft:session-filter"): None}
        client.write(
            Frame("attach", name="l", handle=1, role=True, source=source("learners", filters), target=NO_TARGET),
            Frame("detach", handle=1, closed=True),
        )
        reply = client.expect("attach")
        client.expect("detach")

    assert reply.source is None


def test_a_granted_session_is_named_and_timed_where_javascript_looks(bus: int) -> None:
    with wire(bus, entity="learners") as client:
        filters = {Symbol("com.microsoft:session-filter"): Described(Symbol("com.microsoft:session-filter"), "granted")}
        before = int(time.time() * 1000)
        granted = client.attach(1, role=True, source=source("learners", filters), target=NO_TARGET)

    assert granted.source.value[7]["com.microsoft:session-filter"] == "granted"
    ticks = granted.properties["com.microsoft:locked-until-utc"]
    assert 60_000 <= (ticks - 621_355_968_000_000_000) // 10_000 - before < 120_000
    assert (1_800_000_000_000 * 10_000 + 621_355_968_000_000_000) == 639_355_968_000_000_000
    assert encode(ticks)[0] == 0x81
