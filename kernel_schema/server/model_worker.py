"""The process beside the server that builds a model, and answers what only a model tells.

Building runs the user's code and torch: that may take minutes, print, or end the process, and the
server goes on.
"""

from __future__ import annotations

import os
import pickle
import struct
import sys
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from kernel_schema.files.document import Format
from kernel_schema.wording import in_one_line

if TYPE_CHECKING:
    from kernel_schema.model.types import Module

LENGTH: Final = struct.Struct(">I")
"""How many bytes the message behind it has."""


class Request(NamedTuple):
    """What is asked: the findings in a text, or what is told of one of its entries."""

    text: str
    file: str
    format: Format
    layer_name: str | None = None


class Built(NamedTuple):
    """The model is there; these are its layers, and the files of code that its process has read."""

    layer_names: tuple[str, ...]
    files: frozenset[str]


class Failed(NamedTuple):
    """There is no model, or no answer, and why."""

    reason: str


def framed(message: object) -> bytes:
    """A message as bytes: whoever reads it is the process that started this one, or the reverse."""
    raw = pickle.dumps(message)
    return LENGTH.pack(len(raw)) + raw


def run(spec: str) -> None:
    """Build a model, tell its layers, and answer until nobody asks any more."""
    # What the model's code reads and prints goes past us: the streams are for messages.
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    waiting: SimpleQueue[Request] = SimpleQueue()
    Thread(target=_read, args=(requests, waiting), daemon=True).start()

    def send(message: object) -> None:
        answers.write(framed(message))
        answers.flush()

    model = _built(spec)
    if isinstance(model, Failed):
        send(model)
        return
    from kernel_schema.model.inspect import inspect_model

    send(Built(tuple(inspect_model(model)), _files()))
    while True:
        request = waiting.get()
        try:
            answer = _answer(request, model)
        except Exception as error:  # noqa: BLE001 (whatever the model's code raises: the text has to be checked)
            answer = Failed(in_one_line(error))
        send(answer)


def _files() -> frozenset[str]:
    named = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return frozenset(os.path.realpath(each) for each in named if isinstance(each, str))


def _built(spec: str) -> Module | Failed:
    from kernel_schema.integrations.models import build_model
    from kernel_schema.integrations.specs import ModelSpecError

    try:
        return build_model(spec)
    except ModelSpecError as error:
        return Failed(str(error))


def _answer(request: Request, model: Module) -> object:
    from kernel_schema.server.checking import document_of, findings

    text, file, format, layer_name = request
    if layer_name is None:
        return findings(text, file, format, model)
    from kernel_schema.server.hover import told

    document = document_of(text, file, format)
    return "" if document is None else told(document, layer_name, model)


def _read(stream: BinaryIO, waiting: SimpleQueue[Request]) -> None:
    """Take in what is asked; the end of it ends the process, while it builds a model too."""
    while len(head := stream.read(LENGTH.size)) == LENGTH.size:
        waiting.put(pickle.loads(stream.read(*LENGTH.unpack(head))))  # noqa: S301 (of the server that started us)
    sys.stderr.flush()
    os._exit(0)
