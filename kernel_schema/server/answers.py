"""What the server answers where an editor asks about a place in a text."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lsprotocol import types

from kernel_schema.diagnostics import Span
from kernel_schema.server.actions import FIX_ALL, fix_all, quick_fixes, wants
from kernel_schema.server.checking import document_of, mended
from kernel_schema.server.completion import place_in, words_at, written
from kernel_schema.server.definition import definition
from kernel_schema.server.hover import told
from kernel_schema.server.language_server import KernelSchemaServer
from kernel_schema.server.model_process import NoModelError
from kernel_schema.server.model_worker import Request
from kernel_schema.server.shown import as_range, location

if TYPE_CHECKING:
    from kernel_schema.files.document import Document
    from kernel_schema.routes import Step
    from kernel_schema.server.texts import OpenText


async def code_actions(
    server: KernelSchemaServer, params: types.CodeActionParams
) -> list[types.CodeAction]:
    """What mends the findings in a range; with `source.fixAll` all that is certain in the text."""
    text, found = await server.findings(params.text_document.uri)
    if text is None or text.format is None:
        return []
    only = params.context.only
    listed: list[types.CodeAction] = []
    if only is None or wants(only, types.CodeActionKind.QuickFix):
        listed += quick_fixes(text, found, params.range)
    if only is not None and wants(only, FIX_ALL) and any(each.fix for each in found):
        new = await asyncio.to_thread(mended, text.edited.text, text.file, text.format)
        action = fix_all(text, new)
        listed += [action] if action is not None else []
    return listed


async def complete(
    server: KernelSchemaServer, params: types.CompletionParams
) -> list[types.CompletionItem]:
    """What can stand where somebody writes."""
    text = server.texts.get(params.text_document.uri)
    if text is None or not text.is_config:
        return []
    names = server.model.layer_names if server.model is not None else ()
    return await asyncio.to_thread(_completed, text, params.position, names)


async def hover(server: KernelSchemaServer, params: types.HoverParams) -> types.Hover | None:
    """What an entry comes to, for the model if it is there."""
    text, steps, document = await _looked_up(server, params)
    layer_name = _layer_name(document, steps)
    if text is None or document is None or layer_name is None:
        return None
    content = await _plan(server, text, document, layer_name)
    markdown = types.MarkupContent(types.MarkupKind.Markdown, content)
    return types.Hover(markdown) if content else None


async def define(
    server: KernelSchemaServer, params: types.DefinitionParams
) -> types.Location | None:
    """Where the class of a local kernel is, a base or a lock file."""
    text, steps, document = await _looked_up(server, params)
    if text is None or document is None:
        return None
    place = await asyncio.to_thread(definition, document, steps)
    if place is None:
        return None
    path, line = place
    return location(path, Span(line, 1, line, 1), text.edited.encoding)


async def _looked_up(
    server: KernelSchemaServer, params: types.HoverParams | types.DefinitionParams
) -> tuple[OpenText | None, tuple[Step, ...], Document | None]:
    """The text that is asked about, the way to the place in it, and its document if it is one."""
    text = server.texts.get(params.text_document.uri)
    if text is None or text.format is None or not text.is_config:
        return None, (), None
    words = text.edited.text, text.file, text.format
    document = await asyncio.to_thread(document_of, *words)
    if document is None:
        return text, (), None
    place = text.edited.place((params.position.line, params.position.character))
    return text, await asyncio.to_thread(document.steps_at, *place), document


def _layer_name(document: Document | None, steps: tuple[Step, ...]) -> str | None:
    """The layer whose entry a place is in."""
    if document is None:
        return None
    depth = len(document.at.steps)
    inside = steps[depth : depth + 2]
    return str(inside[1]) if len(inside) == 2 and inside[0] == "kernel_mapping" else None


async def _plan(
    server: KernelSchemaServer, text: OpenText, document: Document, layer_name: str
) -> str:
    model = server.model
    if model is not None and model.is_built and text.format is not None:
        request = Request(text.edited.text, text.file, text.format, layer_name)
        try:
            return await model.ask(request)
        except NoModelError as error:
            server.lose(model, str(error))
    return await asyncio.to_thread(told, document, layer_name)


def _completed(
    text: OpenText, position: types.Position, layer_names: tuple[str, ...]
) -> list[types.CompletionItem]:
    """What can stand at a position, each as the edit that writes it there."""
    edited, format = text.edited, text.format
    if format is None:
        return []
    offset = edited.offset((position.line, position.character))
    place = place_in(edited.text, offset, format)
    inside = None if place is None else text.inside(place.steps)
    if place is None or inside is None:
        return []
    words = words_at(inside, layer_names, is_key=place.is_key, has_schema=text.has_schema)
    where = as_range(edited.point(place.start), edited.point(place.stop))
    kind = types.CompletionItemKind.Property if place.is_key else types.CompletionItemKind.Value
    return [
        types.CompletionItem(
            word,
            kind=kind,
            sort_text=f"{rank:04}",
            filter_text=word,
            text_edit=types.TextEdit(where, written(word, place, format)),
        )
        for rank, word in enumerate(words)
        if word not in place.taken
    ]
