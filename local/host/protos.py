"""The shapes that Microsoft's Python worker speaks: FunctionRpc.proto as plain classes.

The worker takes this module for azure-functions-language-worker-protobuf.
"""

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

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802 - protobuf's name
        """Which value is set, None for none; a name is no value."""
        return next((kind for kind, value in vars(self).items() if value is not None and kind != "name"), None)


class TypedData(Message):
    """One value: at most one of string, json, bytes, http, int, double and the collections is set."""


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
NullableBool = NullableDouble = NullableString = NullableTimestamp = ParameterBinding = Timestamp = Message
RpcException = RpcFunctionMetadata = RpcHttp = RpcRetryOptions = WorkerInitResponse = WorkerMetadata = Message
