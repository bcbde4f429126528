"""What a text was meant to be that is no kernel reference: the rule it breaks, and what to write.

What was meant is certain where only blanks, quotes or the address of the Hub stand around it;
everything else is a guess.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from kernel_schema.diagnostics import Repair
from kernel_schema.schema.meant.numbers import version_in
from kernel_schema.schema.references import (
    HUB_RULE,
    LAYER_PATTERN,
    MAX_VERSION,
    VERSION,
    is_local,
    is_revision,
    is_text,
    read_kernel_ref,
    repo_id_problem,
)
from kernel_schema.wording import quote, show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_schema.schema.problems import Advice
    from kernel_schema.schema.references import Ways

# Straight ones, what word processors make of them, and what ends a row elsewhere.
_QUOTES: Final = ",;\"'`\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb"
# What builds a repository in Python, and its arguments.
_CALL: Final = re.compile(r"\s*(?:\w+\.)*(\w*)Repository\((.*)\)\s*", re.DOTALL)
_ARGUMENT: Final = re.compile(
    r"""(?:(\w+)\s*=\s*)?(?:(?:\w+\.)*Path\()?(?:"([^"]*)"|'([^']*)'|([^"',()\s]+))"""
)
# What pins a kernel, as package managers, images of containers and web pages have it.
_PIN: Final = (
    r"(?:[@#?&,;]\s*(?:rev(?:ision)?|version|ref|branch|tag)\s*[=:]\s*|[@#?&]|"
    r":(?=(?:v?[0-9]+|main|master)(?![^:]))|(?=[~^<>=]))([^:\s;#@]+)"
)
# A reference with a pin at either place, another separator, and what belongs to no layer name.
_LOOSE: Final = re.compile(
    rf"([\w.-]+/[\w.-]+?)/?@?(?:{_PIN})?(?:\s*(?:->|=>|[|,;#=:/])\s*|\s+)"
    rf"((?:\w+[./])*\w[\w-]*?)(?:\(\))?(?:{_PIN})?[\s:;,.@]*"
)
# Other characters that look like those of a reference, and those that nobody sees.
_LOOK_ALIKES: Final = str.maketrans(
    "\uff1a\ufe55\u2236\uff0f\u2215\u2044\uff20", ":::///@", "\u200b\u200c\u200d\u2060\ufeff"
)
# `org.repo:Layer` and `org/repo.Layer`.
_DOTTED: Final = re.compile(r"([\w-]+)(?:\.(?=[^.]+:)|/(?=[^:]+\Z))([\w-]+)[.:](\w+)")
_LOCAL_RULE: Final = "a local kernel is written `path:layer_name`"
_LAYER: Final = re.compile(LAYER_PATTERN)
_URL: Final = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*://+|(?:https?|hf|file):/*|https?//+|git@(?=[^/:]+:)"
)
_HUB_SCHEME: Final = re.compile("hf:", re.IGNORECASE)
_OF_KIND: Final = re.compile(r"(?:kernels|models)/(?=[^/:]+/)")
_HOSTS: Final = r"(?:[^/@]*@)?(?:www\.)?(?:huggingface\.co|hf\.co)[/:]"
_HUB_HOST: Final = re.compile(rf"{_HOSTS}/*(?:kernels/|models/)?", re.IGNORECASE)
_HOST: Final = re.compile(r"[^/:]+[/:](?:kernels/)?")
_HUB_PAGE: Final = re.compile(
    r"([^/]+/[^/]+)/(?:tree|blob|resolve|raw|commit)/([^/:]+)(?:/[^:]*)?(:.*)?"
)
_ON_THIS_DISK: Final = re.compile(r"file:(?:/(?!/)|///|//localhost/|/*(?:[.~]|[A-Za-z]:))")
_QUERY: Final = re.compile(r"[?#](?![^:]*revision=)[^:]*")
_VARIABLE: Final = re.compile(
    r"\$env:\w+|\$\w+|\$\{\{[^{}]*\}\}|\$\{[^{}$]*\}|\$\(\w+\)|%[A-Za-z_]\w*%|\{\{[^{}]*\}\}",
    re.IGNORECASE,
)
_HOME: Final = re.compile(
    r"(?:\$(?:env:)?(?:HOME|USERPROFILE)|\$\{(?:HOME|USERPROFILE)\}|%(?:HOME|USERPROFILE)%)"
    r"(?=[/\\])",
    re.IGNORECASE,
)


_LONGEST: Final = 300  # of a text for which it is worth the time to look for what was meant


class Refusal(NamedTuple):
    """What is wrong with a text, what to do, and what to write where that can be told."""

    message: str
    help: str | None = None
    repair: Repair | None = None


def refusal(text: str) -> Refusal:
    """What is to be said of a text that is no reference.

    >>> refusal("https://huggingface.co/org/repo:Layer").repair
    Repair(action='replace', value='org/repo:Layer', up=0, safe=True)
    """
    ways = _wrong_on_disk(text) if is_local(text) else _wrong_on_hub(text)
    message = next(message for wrong, message in ways if wrong)
    help_text, repair = _meant(text)
    if help_text is None:
        rule = _LOCAL_RULE if is_local(text) else HUB_RULE
        help_text = None if rule in message else rule
    return Refusal(message, help_text, repair)


def variables_help(path: str) -> str | None:
    """What to say of a path that is not there, if a variable of a shell stands in it.

    >>> variables_help("./$HOME/norm"), variables_help("./norm")
    ('variables are not expanded, but `~` is: write `~` for `$HOME`', None)
    """
    variable = _VARIABLE.search(path)
    if variable is None:
        return None
    shown = quote(variable[0])
    if _HOME.match(path, variable.start()):
        return f"variables are not expanded, but `~` is: write `~` for {shown}"
    return f"variables are not expanded: write out what {shown} stands for"


def _wrong_on_hub(text: str) -> Ways:
    yield not text.strip(), f"{show(text)} is blank: {HUB_RULE}"
    shown = quote(text)
    variable = _VARIABLE.search(text)
    yield variable, f"{shown} holds a variable"
    yield _URL.match(text.strip()), f"{shown} is a URL: {HUB_RULE}"
    yield text.split(maxsplit=1) != [text], f"{shown} contains white space"
    yield not text.isascii(), f"{shown} contains characters that are not ASCII"
    repo, colon, layer = text.partition(":")
    yield not colon, f"{shown} names no layer: {HUB_RULE}"
    yield "/" not in repo, f"{shown} has no `org/repo` before the colon: {HUB_RULE}"
    yield not layer, f"{shown} names no layer after the colon: {HUB_RULE}"
    yield ":" in layer, f"{shown} has more than one colon: {HUB_RULE}"
    repo_id, at, pin = repo.partition("@")
    yield not repo_id, f"{shown} has no `org/repo` before the `@`: {HUB_RULE}"
    problem = repo_id_problem(repo_id)
    yield problem, f"{quote(repo_id)} is not a repository id: {problem}"
    yield (
        at and not pin,
        f"{shown} has nothing after `@`: write `@v1` for a version or `@main` for a revision",
    )
    version = VERSION.fullmatch(pin)
    too_long = version is not None and len(version[1]) > len(str(MAX_VERSION))
    yield too_long, f"{shown} has a version above {MAX_VERSION}"
    characters = "letters, digits, `_`, `.`, `/` and `-`"
    yield (
        at and not is_revision(pin),
        f"{shown} has a revision with other characters than {characters}",
    )
    yield True, f"{quote(layer)} is not a layer name: it must be a Python identifier"


def _wrong_on_disk(text: str) -> Ways:
    shown = quote(text)
    path, colon, layer = text.rpartition(":")
    yield not colon or not is_local(path), f"{shown} names no layer: {_LOCAL_RULE}"
    yield not layer, f"{shown} names no layer after the colon"
    wrong_layer = f"{quote(layer)} is not a layer name: it must be a Python identifier"
    yield not _LAYER.fullmatch(layer), wrong_layer
    yield not is_text(text), f"{shown} contains characters that are not Unicode text"
    yield True, f"{shown} contains control characters"


def _at_home(text: str, variable: str) -> Advice:
    """What to do about a text with a variable, of which `variable` tells."""
    at_home = f"~{text[home.end() :]}" if (home := _HOME.match(text)) else ""
    if read_kernel_ref(at_home) is None:
        return variable, None
    help_text = f"variables are not expanded, but `~` is: write {quote(at_home)}"
    return help_text, Repair("replace", at_home)


def _meant(text: str) -> Advice:
    """What to do about a text, and what to write instead."""
    if not is_local(text) and (variable := variables_help(text)):
        return _at_home(text, variable)
    if len(text) > _LONGEST:
        return None, None
    text = text.translate(_LOOK_ALIKES)
    bare = _without_address(text)
    called = _CALL.fullmatch(text)
    for candidate in _of_call(*called.groups()) if called else _candidates(bare):
        if read_kernel_ref(candidate) is not None:
            repair = Repair("replace", candidate, safe=_is_certain(text, bare, candidate))
            if is_local(bare) and _URL.match(text):
                return f"a path is written {quote(candidate)}", repair
            return f"did you mean {quote(candidate)}?", repair
    candidate = f"kernels-community/{bare}"
    if "." not in bare and not _URL.match(text) and read_kernel_ref(candidate) is not None:
        return f"add the organisation, as in {quote(candidate)}", None
    if not is_local(bare) or bare.endswith(":") or ":" not in bare[len("C:") :]:
        candidate = f"{bare.rstrip(':/')}:LayerName"
        if read_kernel_ref(candidate) is not None:
            return f"add the layer, as in {quote(candidate)}", None
    on_disk = f"./{text}"
    is_path = text.count("/") > 1 and text.count(":") == 1
    if is_path and not _URL.match(text) and read_kernel_ref(on_disk) is not None:
        repair = Repair("replace", on_disk, safe=False)
        return f"for a repository on disk write {quote(on_disk)}", repair
    return None, None


def _is_certain(text: str, bare: str, candidate: str) -> bool:
    """Whether only blanks, quotes or an address were in the way."""
    plain = re.sub(r"\s*:\s*", ":", text.strip().strip(_QUOTES).strip())
    url = _URL.match(plain)
    on_the_hub = _HUB_HOST.match(plain, url.end() if url else 0) or _HUB_SCHEME.match(plain)
    on_disk = is_local(bare) and (url is None or _ON_THIS_DISK.match(plain) is not None)
    return candidate == plain or (candidate == bare and bool(on_the_hub or on_disk))


def _without_address(text: str) -> str:
    """What is left of a reference without white space, quotes and the address of a web page."""
    outer = text.strip().strip(_QUOTES).strip()
    if is_local(outer):
        # A path may hold blanks, a layer may not.
        path, colon, layer = outer.rpartition(":")
        cleaned = f"{path}{colon}{''.join(layer.split())}" if len(path) > 1 else outer
        return re.sub(r"[\x00-\x1f\x7f]", "", cleaned)
    bare = re.sub(" ?([:/@]) ?", r"\1", " ".join(outer.split()))
    url = _URL.match(bare)
    rest = bare[url.end() :] if url is not None else bare
    if url is not None and bare.startswith("file"):
        rest = rest.removeprefix("localhost/")
        return rest if is_local(rest) else f"/{rest}"
    host = _HUB_HOST.match(rest)
    if url is not None:
        host = host or (_OF_KIND if bare.startswith("hf") else _HOST).match(rest)
        rest = _QUERY.sub("", rest)
    rest = rest[host.end() :] if host is not None else rest
    page = _HUB_PAGE.fullmatch(rest)
    return f"{page[1]}@{page[2]}{page[3] or ''}" if page is not None else rest


def _of_call(kind: str, arguments: str) -> Iterator[str]:
    """What `LayerRepository("org/repo", layer_name="Layer", version=1)` is as a text."""
    stated: dict[str, str] = {}
    unnamed: list[str] = []
    for argument in _ARGUMENT.finditer(arguments):
        value = argument[2] or argument[3] or argument[4] or ""
        if argument[1]:
            stated[argument[1]] = value
        else:
            unnamed.append(value)
    pin = f"@v{stated['version']}" if "version" in stated else ""
    pin = f"@{stated['revision']}" if "revision" in stated else pin
    where = stated.get("repo_id") or stated.get("repo_path") or (unnamed or [""])[0]
    if "Local" in kind and not is_local(where):
        where = f"./{where}"
    name = stated.get("layer_name") or stated.get("func_name") or (unnamed or [""])[-1]
    yield f"{where}{pin}:{name}"


def _candidates(bare: str) -> Iterator[str]:
    """What the user may have meant, most likely first."""
    if is_local(bare):
        yield bare
        path, _, layer = bare.rpartition(":")
        yield f"{path}:{_class_name(layer.strip('()')).replace('-', '_')}"
        return
    bare = bare.replace("\\", "/").strip("/@").rstrip(":")
    repo, colon, layer = bare.rpartition(":")
    bare = f"{repo}{colon}{layer.strip(_QUOTES) if colon else layer}"
    bare = re.sub(r"/+", "/", re.sub(r":+", ":", bare))
    yield bare
    bare = re.sub(r":(v[0-9]+)@(\w+)\Z", r"@\1:\2", bare)
    yield bare
    first, _, rest = bare.partition("/")
    if "." in first and rest.count("/") == 1:
        bare = rest
    loose = _LOOSE.fullmatch(bare)
    if loose is not None:
        repo, first_pin, layer, second_pin = loose.groups()
        if not (first_pin and second_pin):
            pin = _pinned(first_pin or second_pin)
            repo = re.sub("-{2,}", "-", repo).removesuffix(".git")
            yield f"{repo}{pin}:{_class_name(layer).replace('-', '_')}"
    if len(bare.split()) == 2:
        yield "".join(bare.split())
    name, at, rest = bare.partition("@")
    if at and ":" not in bare:
        yield f"{rest}:{name}"
    parts = re.split(r"[/:#,;=]", bare)
    if len(parts) == 3 and all(parts):
        yield f"{parts[0]}/{parts[1]}:{parts[2]}"
    if dotted := _DOTTED.fullmatch(bare):
        yield f"{dotted[1]}/{dotted[2]}:{dotted[3]}"


def _class_name(path: str) -> str:
    """The name of a class without the modules it is in, and without its `forward`."""
    return re.split(r"[./]", path.removesuffix(".forward"))[-1]


def _pinned(pin: str | None) -> str:
    """What pins a kernel, as a reference has it: three digits are a version."""
    if not pin:
        return ""
    version = version_in(pin) if re.fullmatch(r"[~^<>=]+.*|v?[0-9]{1,3}", pin) else None
    return f"@{pin}" if version is None else f"@v{version}"
