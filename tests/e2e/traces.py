"""Traces of a text or recording, in whatever way storage or a message may hold it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import quote

from azure.data.tables import TableServiceClient
from azure.servicebus.aio import ServiceBusClient
from azure.storage.blob import BlobServiceClient

from local.connections import connection_settings
from local.ports import Ports
from shared_code.domain.events.topology import QUEUES, SUBSCRIPTIONS
from shared_code.events.line import Line


def traces_of(needle: str | bytes) -> set[bytes]:
    """What to look for: the bytes, in UTF-8, UTF-16, escaped as in JSON and URLs, and in base64 wherever it begins."""
    if isinstance(needle, bytes):
        return {needle, *_in_base64(needle)}
    escaped = json.dumps(needle)[1:-1]
    plain = {needle.encode(), needle.encode("utf-16-le"), needle.encode("utf-16-be"), escaped.encode()}
    plain |= {escaped.replace("\\", "\\\\").encode(), quote(needle).encode(), quote(needle).lower().encode()}
    return plain | {each for form in plain for each in _in_base64(form)}


def _in_base64(plain: bytes) -> set[bytes]:
    """At each of the three places within a group, without what the neighbours have a share in."""
    found = set()
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + plain)
        inner = coded[4 if before else 0 : -4]
        found |= {inner, inner.replace(b"+", b"-").replace(b"/", b"_")}
    return {each for each in found if len(each) >= 8}


class Everything:
    """All that a stack holds: places and their bytes, read with Microsoft's clients."""

    def __init__(self, ports: Ports, state: Path) -> None:
        settings = connection_settings(ports)
        self._storage = settings["AzureWebJobsStorage"]
        self._bus = settings["ServiceBusConnection"]
        self._state = state

    def at_rest(self) -> dict[str, bytes]:
        """Every row of every table, every blob with its name, and the files of the Durable engine."""
        found: dict[str, bytes] = {}
        with TableServiceClient.from_connection_string(self._storage) as tables:
            for table in tables.list_tables():
                for entity in tables.get_table_client(table.name).list_entities():
                    place = f"table {table.name} {entity['PartitionKey']} {entity['RowKey']}"
                    found[place] = b"\n".join(_bytes(value) for value in entity.values())
        with BlobServiceClient.from_connection_string(self._storage) as blobs:
            for container in blobs.list_containers():
                client = blobs.get_container_client(container.name)
                for name in client.list_blob_names():
                    found[f"blob {container.name}/{name}"] = name.encode() + client.download_blob(name).readall()
        for path in self._state.glob("durable*"):
            found[f"file {path.name}"] = path.read_bytes()
        return found

    def archived(self, stream: str) -> int:
        """How many of a learner's events are in the lake's archive."""
        with BlobServiceClient.from_connection_string(self._storage) as blobs:
            client = blobs.get_container_client("archive")
            names = list(client.list_blob_names(name_starts_with=f"events/{stream}/")) if client.exists() else []
            return sum(client.download_blob(name).readall().count(b"\n") for name in names)

    async def on_the_bus(self, subject: str, stream: str) -> dict[str, bytes]:
        """Every message of a learner's sessions, peeked at."""
        found: dict[str, bytes] = {}
        async with ServiceBusClient.from_connection_string(self._bus) as client:
            receivers = {
                f"queue {queue.name} {session}": client.get_queue_receiver(queue.name, session_id=session)
                for queue in QUEUES
                if queue.sessions
                for session in (subject, *(Line(each.topic, each.subscriber, stream).key for each in SUBSCRIPTIONS))
            }
            for each in SUBSCRIPTIONS:
                receivers[f"subscription {each.topic}/{each.subscriber}"] = client.get_subscription_receiver(
                    each.topic, each.subscriber, session_id=subject
                )
            for place, receiver in receivers.items():
                async with receiver:
                    for message in await receiver.peek_messages(100):
                        about = repr((message.session_id, message.message_id, message.application_properties))
                        found[f"{place} {message.sequence_number}"] = b"".join(message.body) + about.encode()
        return found


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def found_in(everything: dict[str, bytes], needles: dict[str, str | bytes]) -> list[tuple[str, str]]:
    """Which of the needles are where."""
    hits = []
    for name, needle in needles.items():
        traces = traces_of(needle)
        hits += [(name, place) for place, held in everything.items() if any(trace in held for trace in traces)]
    return hits
