"""The language server: texts come in, and what is found in them goes out."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from kernel_schema import __version__
from kernel_schema.diagnostics import Diagnostic
from kernel_schema.server.checking import findings
from kernel_schema.server.model_process import ModelProcess, NoModelError
from kernel_schema.server.model_worker import Request
from kernel_schema.server.positions import EditedText
from kernel_schema.server.protocol import Protocol, converter, unread
from kernel_schema.server.shown import shown
from kernel_schema.server.texts import OpenText, path_of
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from pygls.exceptions import JsonRpcException, PyglsError

SECTION: Final = "kernelSchema"
"""The settings that are ours in an editor."""

_NO_FINDINGS: Final[tuple[OpenText | None, tuple[Diagnostic, ...]]] = (None, ())


class KernelSchemaServer(LanguageServer):
    """The server, with all that it knows of one editor.

    Of each text one check runs at a time. What it finds is told only if the text is still the same;
    otherwise the newest is checked next.
    """

    def __init__(self) -> None:
        super().__init__(  # pyright: ignore[reportUnknownMemberType] (pygls passes on anything)
            "kernel-schema", __version__, protocol_cls=Protocol, converter_factory=converter
        )
        self.texts: dict[str, OpenText] = {}
        self.model: ModelProcess | None = None
        self.is_shut_down = False
        self._found: dict[str, tuple[OpenText | None, tuple[Diagnostic, ...]]] = {}
        self._checks: dict[str, asyncio.Task[None]] = {}
        self._building: asyncio.Task[None] | None = None
        self._tokens = 0

    @property
    def encoding(self) -> str:
        """What columns count, as it was agreed on."""
        return types.PositionEncodingKind(self.workspace.position_encoding).value

    def report_server_error(
        self, error: Exception, source: type[PyglsError | JsonRpcException]
    ) -> None:
        """Answer what is no JSON, and show what went wrong in the server itself."""
        refusal = unread(error)
        if refusal is not None and isinstance(self.protocol, Protocol):
            self.protocol.refuse(refusal)
        else:
            super().report_server_error(error, source)

    def opened(self, params: types.DidOpenTextDocumentParams) -> None:
        """Take a text that is opened."""
        document = params.text_document
        edited = EditedText(document.text, self.encoding)
        self.hold(OpenText(document.uri, document.version, edited, str(document.language_id)))

    def changed(self, params: types.DidChangeTextDocumentParams) -> None:
        """Make the changes of a text, each to what the one before left."""
        held = self.texts.get(params.text_document.uri)
        if held is None:
            return
        edited = held.edited
        for change in params.content_changes:
            if isinstance(change, types.TextDocumentContentChangePartial):
                start, end = change.range.start, change.range.end
                edited = edited.with_change(
                    (start.line, start.character), (end.line, end.character), change.text
                )
            else:
                edited = EditedText(change.text, edited.encoding)
        self.hold(replace(held, version=params.text_document.version, edited=edited))

    def closed(self, params: types.DidCloseTextDocumentParams) -> None:
        """Forget a text that is closed, and what was told of it."""
        uri = params.text_document.uri
        if self.texts.pop(uri, None) is not None:
            self._tell(uri, None, ())
        self._found.pop(uri, None)

    def hold(self, text: OpenText) -> None:
        """Take a text as it is now, and check it."""
        self.texts[text.uri] = text
        if text.uri not in self._checks:
            task = asyncio.get_running_loop().create_task(self._check(text.uri))
            self._checks[text.uri] = task

    def check_again(self) -> None:
        """Check all texts: something that they depend on has changed."""
        for text in list(self.texts.values()):
            self.hold(replace(text))

    async def findings(self, uri: str) -> tuple[OpenText | None, tuple[Diagnostic, ...]]:
        """A text with what was found in it, once that is known."""
        check = self._checks.get(uri)
        if check is not None:
            await asyncio.shield(check)
        return self._found.get(uri, _NO_FINDINGS)

    async def _check(self, uri: str) -> None:
        try:
            while (text := self.texts.get(uri)) is not self._found.get(uri, _NO_FINDINGS)[0]:
                if text is None:
                    break
                found = await self._look_at(text) if text.is_config else ()
                if self.texts.get(uri) is text:
                    self._found[uri] = text, found
                    self._tell(uri, text, found)
        finally:
            del self._checks[uri]

    async def _look_at(self, text: OpenText) -> tuple[Diagnostic, ...]:
        """What is found in a text: for the model if it is there, without one until then."""
        if text.format is None:
            return ()
        words = text.edited.text, text.file, text.format
        model = self.model
        if model is not None and model.is_built:
            try:
                return await model.ask(Request(*words))
            except NoModelError as error:
                self.lose(model, str(error))
        return await asyncio.to_thread(findings, *words)

    def _tell(self, uri: str, text: OpenText | None, found: tuple[Diagnostic, ...]) -> None:
        version = None if text is None else text.version
        listed = [] if text is None else list(shown(text, found))
        self.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(uri, listed, version=version)
        )

    def take_settings(self, settings: Mapping[str, Any]) -> None:
        """Take over the settings; a model is built if another one is named, and only then."""
        spec = settings.get("model")
        if spec is not None and not isinstance(spec, str):
            self._say(f"the setting `{SECTION}.model` is not text: {quote(str(spec))}")
            return
        if (spec or None) != (self.model.spec if self.model else None):
            self.use_model(spec or None)

    def code_changed(self, paths: Iterable[str | None]) -> None:
        """Build the model again if its code is not what it was built from any more."""
        if self.model is not None and any(map(self.model.depends_on, paths)):
            self.use_model(self.model.spec)

    def use_model(self, spec: str | None) -> None:
        """Let go of the model, and build another one if there is a spec."""
        self.end_model()
        if spec is None:
            self.check_again()
            return
        self.model = ModelProcess(spec)
        self._building = asyncio.get_running_loop().create_task(self._build(self.model))

    def end_model(self) -> None:
        """End the process of the model, if there is one."""
        if self.model is not None:
            self.model.stop()
            self.model = None

    async def _build(self, model: ModelProcess) -> None:
        token = await self._begin(f"Building {model.spec}")
        message = "the model is there"
        try:
            await model.build()
        except (NoModelError, OSError, ValueError) as error:  # no name can hold a NUL
            message = "there is no model"
            self.lose(model, str(error))
        finally:
            if token is not None:
                self.work_done_progress.end(token, types.WorkDoneProgressEnd(message=message))
        if self.model is model:
            self.check_again()

    def lose(self, model: ModelProcess, reason: str) -> None:
        """Say that a model is gone, unless another one is meant by now."""
        if self.model is model:
            model.stop()
            self._say(
                f"no model {quote(model.spec)}: {reason.rstrip('.')}. Configs are checked without "
                f"it until one is saved, or `{SECTION}.model` changes"
            )

    def _say(self, message: str) -> None:
        warning = types.MessageType.Warning
        self.window_show_message(types.ShowMessageParams(warning, f"kernel-schema: {message}"))

    async def _begin(self, title: str) -> int | None:
        """Show progress where the editor can; gives the token with which it ends."""
        window = self.client_capabilities.window
        if window is None or not window.work_done_progress:
            return None
        self._tokens += 1
        with suppress(Exception):  # an editor that refuses does without
            await self.work_done_progress.create_async(self._tokens)  # pyright: ignore[reportUnknownMemberType] (of no interest)
            begin = types.WorkDoneProgressBegin(title=title, cancellable=False)
            self.work_done_progress.begin(self._tokens, begin)
            return self._tokens
        return None

    def settle_in(self, params: types.InitializeParams) -> None:
        """Work where the editor does: paths in messages start there, and modules of models."""
        folders = [folder.uri for folder in params.workspace_folders or ()]
        root = path_of(next(iter(folders), params.root_uri or ""))
        with suppress(OSError, ValueError):
            os.chdir(root or params.root_path or os.curdir)
