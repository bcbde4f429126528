"""JSON-RPC as the specifications have it where pygls leaves an editor without an answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls import exceptions
from pygls.protocol import LanguageServerProtocol, default_converter

from kernel_schema.typeguards import is_table
from kernel_schema.wording import in_one_line, quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cattrs import Converter
    from pygls.exceptions import JsonRpcException

    MessageId = str | int | None


class Protocol(LanguageServerProtocol):
    """What comes in is looked at before it is handled: every request has an answer."""

    def structure_message(self, data: dict[str, Any]) -> Any:  # noqa: ANN401 (whatever JSON holds)
        """Nothing yet: pygls calls this for each table inside a message too."""
        return data

    def handle_message(self, message: object) -> None:
        """Answer a message, refuse it with the error that it is, or take it in."""
        id_ = message.get("id") if is_table(message) else None
        id_ = id_ if isinstance(id_, (str, int)) and not isinstance(id_, bool) else None
        if not is_table(message) or message.get("jsonrpc") != self.VERSION:
            self.refuse(exceptions.JsonRpcInvalidRequest("this is no message of JSON-RPC 2.0"), id_)
        elif "method" in message:
            self._asked(message, id_)
        elif "result" in message or "error" in message:
            self._answered(message, id_)
        else:
            self.refuse(exceptions.JsonRpcInvalidRequest("a message needs a method"), id_)

    def refuse(self, error: JsonRpcException, id_: MessageId = None) -> None:
        """Answer with an error; without an id where none can be told."""
        answer = {"code": error.code, "message": error.message}
        self._send_data({"jsonrpc": self.VERSION, "id": id_, "error": answer})

    def _asked(self, message: Mapping[str, Any], id_: MessageId) -> None:
        """Handle a request or a note, if this is the time for it and it can be read."""
        method = message["method"]
        error = self._untimely(method)
        is_note = "id" not in message
        if not isinstance(method, str) or (id_ is None and not is_note):
            error = exceptions.JsonRpcInvalidRequest("a method and an id are text, or a number")
        if error is None:
            try:
                read = self._read(message)
            except exceptions.JsonRpcException:
                error = exceptions.JsonRpcInvalidParams(f"these are no parameters of {method}")
            else:
                super().handle_message(read)
                return
        if is_note:  # to which nobody waits for an answer
            text = f"{quote(str(method))} is left out: {error.message}"
            params = types.LogMessageParams(types.MessageType.Warning, f"kernel-schema: {text}")
            self.notify(types.WINDOW_LOG_MESSAGE, params)
        else:
            self.refuse(error, id_)

    def _read(self, message: Mapping[str, Any]) -> Any:  # noqa: ANN401 (what its method decides)
        return super().structure_message(dict(message))

    def _untimely(self, method: object) -> JsonRpcException | None:
        """What is wrong with asking it now: before `initialize`, or after `shutdown`."""
        if method == types.EXIT:
            return None
        if self._shutdown:
            return exceptions.JsonRpcInvalidRequest("the server is shut down")
        if (self._workspace is None) != (method == types.INITIALIZE):
            if self._workspace is None:
                return exceptions.JsonRpcServerNotInitialized("`initialize` comes first")
            return exceptions.JsonRpcInvalidRequest("`initialize` comes once")
        return None

    def _answered(self, message: Mapping[str, Any], id_: MessageId) -> None:
        """Take in an answer of the editor; one that cannot be read is an error that it gives."""
        if id_ is None or id_ not in self._request_futures:
            return
        try:
            read = self._read(message)
        except exceptions.JsonRpcException as error:
            self._handle_response(id_, error=error.to_response_error())
        else:
            super().handle_message(read)


def converter() -> Converter:
    """What reads the parameters: text has to be text, where cattrs takes anything for it."""
    made = default_converter()
    made.register_structure_hook(str, _as_text)
    return made


def _as_text(value: object, _: type[str]) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def unread(error: Exception) -> JsonRpcException | None:
    """The error that a message is which is no JSON; None if something else went wrong."""
    if isinstance(error, (json.JSONDecodeError, UnicodeDecodeError, RecursionError)):
        return exceptions.JsonRpcParseError(f"this is no JSON: {in_one_line(error)}")
    return None
