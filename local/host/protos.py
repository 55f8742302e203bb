"""The shapes in which Microsoft's Python worker and a host exchange data, as plain classes instead of protobuf.

The worker takes this module as its `protos`; azure_functions_runtime 1.3.0 asks for nothing more. Names are those of
azure-functions-language-worker-protobuf, FunctionRpc.proto.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any


class Message:
    """Named fields. An unset one reads as None, but not `TypedData` and dunder names, which the worker probes for."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "TypedData":
            raise AttributeError(name)
        return None


class TypedData(Message):
    """One value: at most one of string, json, bytes, http, int, double and the collections is set."""

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802 - protobuf's name
        """The kind that is set, None for no value."""
        return next((kind for kind, value in vars(self).items() if value is not None), None)


class ParameterBinding(Message):
    """A value by the name of its binding; shared memory is not used."""

    def WhichOneof(self, _group: str) -> str:  # noqa: N802 - protobuf's name
        """Always `data`."""
        return "data"


class BindingInfo(Message):
    """The directions of a binding, and the absent data type."""

    undefined, out, inout = 0, 1, 2


class StatusResult(Message):
    """How a request to the worker ended."""

    Failure, Success, Cancelled = 0, 1, 2


class RpcHttpCookie(Message):
    """A cookie of an HTTP answer; optional fields are wrapped in `Nullable…`."""

    SameSite = IntEnum("SameSite", {"None": 0, "Lax": 1, "Strict": 2, "ExplicitNone": 3})


FunctionEnvironmentReloadResponse = FunctionLoadResponse = FunctionMetadataResponse = InvocationResponse = Message
NullableBool = NullableDouble = NullableString = NullableTimestamp = Timestamp = Message
RpcException = RpcFunctionMetadata = RpcHttp = RpcRetryOptions = WorkerInitResponse = WorkerMetadata = Message
