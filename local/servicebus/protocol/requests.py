"""Request-response nodes: how an answer finds its way, and `$cbs`, which takes tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.servicebus.amqp.message import MESSAGE_ID, REPLY_TO, Message, amqp_value, encode_answer
from local.servicebus.amqp.values import Int, Symbol
from local.servicebus.broker.refused import Refused
from local.servicebus.protocol.outgoing import OutgoingLink
from local.servicebus.protocol.termini import CBS

if TYPE_CHECKING:
    from local.servicebus.protocol.session import ProtocolSession


def respond(session: ProtocolSession, node: str, request: Message, status: dict[str, Any], body: object) -> None:
    """Send an answer to the receiver that the request names or, as Python leaves it out, to the one on this node.

    JavaScript names its link to `$cbs`, and the target address of its link to `$management`.
    """
    reply_to = request.properties[REPLY_TO]
    mailboxes = [link for link in session.links.values() if isinstance(link, OutgoingLink) and link.queue is None]
    named = [link for link in mailboxes if reply_to in (link.name, link.target)]
    for link in (named or [link for link in mailboxes if link.path == node])[:1]:
        link.answer(encode_answer(request.properties[MESSAGE_ID], status, body))


def put_token(session: ProtocolSession, messages: list[Message]) -> None:
    """Note what a token grants, or answer why it does not."""
    for request in messages:
        status: dict[str, Any] = {"status-code": Int(202), "status-description": "Accepted"}
        try:
            audience, token = request.application_properties().get("name"), amqp_value(request)
            session.connection.grants.add(str(audience), str(token), session.connection.server.now())
        except Refused as refusal:
            status = {"status-code": Int(401), "status-description": refusal.description}
            status["error-condition"] = Symbol(refusal.condition)
        respond(session, CBS, request, status, None)
