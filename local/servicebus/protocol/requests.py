"""How the answer of a request-response node finds its way to the client that asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.servicebus.amqp.message import MESSAGE_ID, REPLY_TO, Message, encode_answer
from local.servicebus.protocol.outgoing import OutgoingLink

if TYPE_CHECKING:
    from local.servicebus.protocol.session import ProtocolSession


def respond(session: ProtocolSession, node: str, request: Message, status: dict[str, Any], body: object) -> None:
    """Answer on the receiver that the request names or, as Python names none, on the one of this node.

    JavaScript names its link to `$cbs`, and the target address of its link to `$management`.
    """
    reply_to = request.properties[REPLY_TO]
    mailboxes = [link for link in session.links.values() if isinstance(link, OutgoingLink) and link.queue is None]
    named = [link for link in mailboxes if reply_to in (link.name, link.target)]
    for link in (named or [link for link in mailboxes if link.path == node])[:1]:
        link.answer(encode_answer(request.properties[MESSAGE_ID], status, body))
