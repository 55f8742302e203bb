"""Rows of a table, and changes to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from shared_code.storage.keys import escape_key, unescape_key

Value = str | int | float | bool | bytes


@dataclass(frozen=True, slots=True)
class Row:
    """One row. Keys may be any text; they are escaped on the way. `etag` is empty for a row that was not read."""

    partition: str
    key: str
    values: Mapping[str, Value] = field(default_factory=dict)
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a transaction: `insert` fails where the row is, `replace` where its etag is no longer the row's."""

    kind: Literal["insert", "put", "replace", "delete"]
    row: Row


def to_entity(row: Row) -> dict[str, Any]:
    """The row as the SDK takes it. Whole numbers beyond 32 bits are marked as 64-bit, which the SDK does not do."""
    entity: dict[str, Any] = {"PartitionKey": escape_key(row.partition), "RowKey": escape_key(row.key)}
    for name, value in row.values.items():
        if isinstance(value, int) and not isinstance(value, bool) and not -(2**31) <= value < 2**31:
            from azure.data.tables import EdmType, EntityProperty

            entity[name] = EntityProperty(value, EdmType.INT64)
        else:
            entity[name] = value
    return entity


def to_row(entity: Any) -> Row:
    """A row from what the SDK gives; 64-bit numbers come wrapped."""
    values: dict[str, Value] = {}
    for name, value in entity.items():
        if value is not None and name not in ("PartitionKey", "RowKey"):  # null: asked for, and not there
            values[name] = value[0] if isinstance(value, tuple) else value
    etag = str(entity.metadata.get("etag") or "")
    return Row(unescape_key(entity["PartitionKey"]), unescape_key(entity["RowKey"]), values, etag)
