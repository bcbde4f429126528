"""What an editor may ask of the server, and what it tells it of itself and of files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from lsprotocol import types

from kernel_schema.server.actions import FIX_ALL
from kernel_schema.server.answers import code_actions, complete, define, hover
from kernel_schema.server.language_server import SECTION, KernelSchemaServer
from kernel_schema.server.texts import path_of
from kernel_schema.typeguards import is_table

# What a config may depend on: bases, lock files, settings, and the code of kernels and models.
_WATCHED: Final = ("**/*.{yaml,yml,json,toml,lock}", "**/*.py")


def build_server() -> KernelSchemaServer:
    """The server with all that it can do; it speaks once it is started."""
    server = KernelSchemaServer()
    _follow(server)
    kinds: list[types.CodeActionKind | str] = [types.CodeActionKind.QuickFix, FIX_ALL]
    actions = types.CodeActionOptions(kinds)
    completion = types.CompletionOptions(trigger_characters=["\n", '"', "."])
    server.feature(types.TEXT_DOCUMENT_CODE_ACTION, actions)(code_actions)
    server.feature(types.TEXT_DOCUMENT_COMPLETION, completion)(complete)
    server.feature(types.TEXT_DOCUMENT_HOVER)(hover)
    server.feature(types.TEXT_DOCUMENT_DEFINITION)(define)
    return server


def _follow(server: KernelSchemaServer) -> None:
    """What the editor tells of itself and of files."""
    initial: dict[str, Any] = {}
    # In the place of those of pygls, which ends lines at characters where no editor does.
    own: Callable[[str, Callable[[Any], None]], None] = server.protocol.fm.add_builtin_feature  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] (pygls gives it no types)
    own(types.TEXT_DOCUMENT_DID_OPEN, server.opened)
    own(types.TEXT_DOCUMENT_DID_CHANGE, server.changed)
    own(types.TEXT_DOCUMENT_DID_CLOSE, server.closed)

    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        server.settle_in(params)
        if is_table(params.initialization_options):
            initial.update(params.initialization_options)

    @server.feature(types.INITIALIZED)
    async def initialized(_: types.InitializedParams) -> None:
        await _watch(server)
        server.take_settings({**initial, **await _settings(server)})

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def configure(params: types.DidChangeConfigurationParams) -> None:
        told = params.settings.get(SECTION) if is_table(params.settings) else None
        told = told if is_table(told) else None
        server.take_settings({**initial, **(told or await _settings(server))})

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def look_again(params: types.DidChangeWatchedFilesParams) -> None:
        server.code_changed(path_of(change.uri) for change in params.changes)
        server.check_again()

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def saved(params: types.DidSaveTextDocumentParams) -> None:
        if server.model is not None and server.model.is_lost:
            server.use_model(server.model.spec)
        else:
            server.code_changed([path_of(params.text_document.uri)])
        server.check_again()

    @server.feature(types.SHUTDOWN)
    def shut_down(_: None) -> None:
        server.is_shut_down = True
        server.end_model()


async def _settings(server: KernelSchemaServer) -> dict[str, Any]:
    """The settings of the editor; none if it has none, or cannot be asked."""
    workspace = server.client_capabilities.workspace
    if workspace is None or not workspace.configuration:
        return {}
    item = types.ConfigurationItem(section=SECTION)
    try:
        (settings,) = await server.workspace_configuration_async(types.ConfigurationParams([item]))
    except Exception:  # noqa: BLE001 (an editor that refuses has none)
        return {}
    return dict(settings) if is_table(settings) else {}


async def _watch(server: KernelSchemaServer) -> None:
    """Ask to be told of files and settings, where the editor can."""
    workspace = server.client_capabilities.workspace
    wanted: list[types.Registration] = []
    watching = workspace.did_change_watched_files if workspace else None
    if watching is not None and watching.dynamic_registration:
        watchers = [types.FileSystemWatcher(glob_pattern=pattern) for pattern in _WATCHED]
        wanted.append(
            types.Registration(
                "kernel-schema-files",
                types.WORKSPACE_DID_CHANGE_WATCHED_FILES,
                types.DidChangeWatchedFilesRegistrationOptions(watchers),
            )
        )
    changing = workspace.did_change_configuration if workspace else None
    if changing is not None and changing.dynamic_registration:
        options = types.DidChangeConfigurationRegistrationOptions(section=SECTION)
        method = types.WORKSPACE_DID_CHANGE_CONFIGURATION
        wanted.append(types.Registration("kernel-schema-settings", method, options))
    if wanted:
        try:
            await server.client_register_capability_async(types.RegistrationParams(wanted))
        except Exception:  # noqa: BLE001 (without it, saving looks again)
            return
