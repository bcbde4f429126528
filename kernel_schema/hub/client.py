"""The questions to the Hub: each asked once, patiently but not for ever, failures told in words.

huggingface_hub itself waits as long as a server says, several times over, at some end points, and
gives up at once at others. Here all of them but downloads are asked in one way.
"""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from datetime import datetime
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote as percent_encoded

from kernel_schema.builds.repository import LARGEST
from kernel_schema.diagnostics import Diagnostic, HubError
from kernel_schema.hub.answers import (
    Refs,
    RepositoryFile,
    Understood,
    commit_id,
    files_of,
    folders_of,
    wanted_wait,
)
from kernel_schema.locks.pins import is_commit
from kernel_schema.typeguards import is_list, is_table
from kernel_schema.wording import in_one_line, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from types import ModuleType

    from kernel_schema.codes import Code
    from kernel_schema.hub.coming import Coming

_T = TypeVar("_T")

TRIES: Final = 5
"""How often a question is asked that is not answered."""
LONGEST_WAIT: Final = 60.0
"""Seconds that we wait where the Hub says so; what it asks beyond that is told."""
_TIMEOUT: Final = 30.0
_LATER: Final = frozenset({408, 429, 500, 502, 503, 504})
_LOCK_FIRST: Final = "ask later; lock and fetch before the job starts: then nothing is asked"


def huggingface_hub() -> ModuleType:
    """The library; `missing-dependency` where it is not installed."""
    try:
        for part in ("constants", "errors", "utils"):
            import_module(f"huggingface_hub.{part}")
    except ModuleNotFoundError as error:
        message = f"asking the Hub needs the package {error.name}, which is not installed"
        help_text = "pip install 'kernel-schema[hub]'"
        raise _error("missing-dependency", message, help_text) from error
    return import_module("huggingface_hub")


def _error(code: Code, message: str, help_text: str | None = None) -> HubError:
    return HubError([Diagnostic(code, message, help=help_text)])


def unwritable(error: OSError) -> HubError:
    """The error for a cache that cannot be written."""
    message = f"the cache cannot be written: {error.strerror or error}"
    help_text = "fetch where it can be, or name another folder with KERNELS_CACHE"
    return _error("cannot-write", message, help_text)


class Hub:
    """Asks the Hub that HF_ENDPOINT names; what it said once is kept. Threads may share it.

    Args:
        pause: Waits so many seconds, in place of `time.sleep`.
        instead: What may be done where it does not answer, or may not be asked.
    """

    def __init__(
        self, pause: Callable[[float], None] | None = None, *, instead: str | None = None
    ) -> None:
        self._library = huggingface_hub()
        self._pause = pause or time.sleep
        self._later = instead or _LOCK_FIRST
        self._elsewhere = f"unset it, or {instead or _ELSEWHERE}"
        self._kept: dict[tuple[Any, ...], tuple[Any, HubError | None]] = {}
        self._asking: dict[tuple[Any, ...], Lock] = {}

    def refs(self, repo_id: str) -> Refs:
        """The branches and tags of a repository."""

        def named(listed: Any) -> dict[str, str]:
            return {str(ref["name"]): commit_id(ref["targetCommit"]) for ref in listed}

        def read(answer: Any) -> Refs:
            return Refs(named(answer["branches"]), named(answer["tags"]))

        return self._json(f"api/kernels/{repo_id}/refs", read, repo_id)

    def commit_of(self, repo_id: str, revision: str) -> str:
        """The commit that a revision means now: a branch, a tag, or a commit, whole or short.

        A whole one means itself, as git has it, whatever a branch is called.
        """
        refs = self.refs(repo_id)
        named = refs.branches.get(revision) or refs.tags.get(revision)
        if named is not None and not is_commit(revision):
            return named
        path = f"api/kernels/{repo_id}/revision/{percent_encoded(revision, safe='')}"
        commit = self._json(path, lambda answer: commit_id(answer["sha"]), repo_id, revision)
        if is_commit(revision) and commit != revision:
            message = (
                f"{quote(repo_id)} has no commit {quote(revision)}, but a branch or tag so named"
            )
            help_text = f"it is at commit {commit}: name the one that is meant"
            raise _error("unknown-kernel-revision", message, help_text)
        return commit

    def files(self, repo_id: str, commit: str, folder: str) -> tuple[RepositoryFile, ...]:
        """Every file below a folder, bytecode too; none where there is no such folder."""
        path = f"api/kernels/{repo_id}/tree/{commit}/{folder}"
        listed: list[RepositoryFile] = []
        try:
            for page in self._pages(f"{path}?recursive=true&expand=false", repo_id, commit):
                with Understood(repo_id):
                    listed += files_of(page, folder)
        except _AbsentError:
            return ()
        return tuple(listed)

    def builds(self, repo_id: str, commit: str) -> tuple[str, ...]:
        """The folders in `build`, whatever is in them."""
        path = f"api/kernels/{repo_id}/tree/{commit}/build?recursive=false&expand=false"

        def ask() -> tuple[str, ...]:
            pages = list(self._pages(path, repo_id, commit))
            with Understood(repo_id):
                return tuple(name for page in pages for name in folders_of(page, "build"))

        try:
            return self._once((path,), ask)
        except _AbsentError:
            return ()

    def text(self, repo_id: str, commit: str, path: str) -> str | None:
        """A small file as text; None if there is none, or it is larger than `LARGEST`.

        One request where a download takes two, and nothing of it is left in the cache.
        """
        url = f"kernels/{repo_id}/resolve/{commit}/{percent_encoded(path)}"
        try:
            return self._once((url,), lambda: self._text(url, repo_id, commit))
        except _AbsentError:
            return None

    def is_trusted(self, publisher: str) -> bool:
        """Whether the Hub calls it a trusted publisher of kernels; a user never is one."""

        def read(answer: Any) -> bool:
            return answer.get("trustedKernelPublisher") is True

        try:
            return self._json(f"api/organizations/{publisher}/overview", read, publisher)
        except _AbsentError:
            return False

    def committed_at(self, repo_id: str, commit: str) -> datetime:
        """When a commit was made, as whoever made it says."""

        def read(answer: Any) -> datetime:
            stated = answer[0]
            if stated["id"] != commit:
                raise ValueError
            return datetime.fromisoformat(stated["date"].replace("Z", "+00:00"))

        return self._json(f"api/kernels/{repo_id}/commits/{commit}?limit=1", read, repo_id, commit)

    def download(
        self, repo_id: str, commit: str, path: str, cache: Path, coming: Coming, *, anew: bool
    ) -> Path:
        """A file in a cache, where it is fetched if it is not there, or in any case if `anew`.

        File by file: what huggingface_hub leaves behind of a whole snapshot makes kernels 0.17.2
        refuse it offline.
        """

        def download() -> str:
            try:
                return self._library.hf_hub_download(
                    repo_id,
                    path,
                    repo_type="kernel",
                    revision=commit,
                    cache_dir=cache,
                    force_download=anew,
                    library_name="kernel-schema",
                    tqdm_class=coming.bar(self._library.utils.tqdm),
                )
            except OSError as error:
                # Errors of the system have a number, those of huggingface_hub have none.
                if error.errno is None or isinstance(error, (ConnectionError, TimeoutError)):
                    raise
                raise unwritable(error) from error

        # It asks several times by itself.
        return Path(self._patiently(download, repo_id, commit, tries=1))

    def _json(self, path: str, read: Callable[[Any], _T], *about: str) -> _T:
        def ask() -> _T:
            answer = self._get(path, *about)
            with Understood(about[0]):
                return read(answer.json())

        return self._once((path,), ask)

    def _pages(self, path: str, *about: str) -> Iterator[Any]:
        following: str | None = path
        while following is not None:
            answer = self._get(following, *about)
            with Understood(about[0]):
                page = answer.json()
                if not is_list(page) or not all(map(is_table, page)):
                    raise TypeError
                yield page
                following = answer.links.get("next", {}).get("url")

    def _get(self, path: str, *about: str) -> Any:
        """The answer to a GET of a path, or of the URL of a further page."""

        def ask() -> Any:
            with self._answer(path) as answer:
                answer.read()
                return answer

        return self._patiently(ask, *about)

    def _text(self, path: str, *about: str) -> str | None:
        def ask() -> str | None:
            content = bytearray()
            with self._answer(path) as answer:
                for part in answer.iter_bytes():
                    content += part
                    if len(content) > LARGEST:
                        return None
            return content.decode(errors="replace")

        return self._patiently(ask, *about)

    @contextmanager
    def _answer(self, path: str) -> Generator[Any]:
        """The answer to a GET whose body is read by whoever asks, if it is no error."""
        utils = self._library.utils
        endpoint = self._library.constants.ENDPOINT
        url = path if path.startswith(f"{endpoint}/") else f"{endpoint}/{path}"
        headers = utils.build_hf_headers(library_name="kernel-schema")
        with utils.get_session().stream(
            "GET", url, headers=headers, follow_redirects=True, timeout=_TIMEOUT
        ) as answer:
            if answer.is_error:
                answer.read()  # its words go into the error
            utils.hf_raise_for_status(answer)
            yield answer

    def _once(self, key: tuple[Any, ...], ask: Callable[[], _T]) -> _T:
        with self._asking.setdefault(key, Lock()):
            if key not in self._kept:
                try:
                    self._kept[key] = (ask(), None)
                except HubError as error:
                    self._kept[key] = (None, error)
        answer, error = self._kept[key]
        if error is not None:
            raise error
        return answer

    def _patiently(
        self, ask: Callable[[], _T], about: str, revision: str = "", *, tries: int = TRIES
    ) -> _T:
        """Ask until there is an answer, or it is clear that there will be none."""
        errors = self._library.errors
        subject, wait = quote(about), 1.0
        for left in reversed(range(tries)):
            try:
                return ask()
            except errors.GatedRepoError as error:
                message = f"{subject} is gated, and no token that may read it is set"
                raise _error("hub-access", message, _LOG_IN) from error
            except errors.RepositoryNotFoundError as error:
                message = f"there is no kernel repository {subject} on the Hub, or it is private"
                raise _error("unknown-kernel-repository", message) from error
            except errors.RevisionNotFoundError as error:
                message = f"{subject} has no revision {quote(revision)}"
                raise _error("unknown-kernel-revision", message) from error
            except errors.OfflineModeIsEnabled as error:
                message = "the Hub cannot be asked: HF_HUB_OFFLINE is set"
                raise _error("hub-unreachable", message, self._elsewhere) from error
            except (
                errors.EntryNotFoundError,
                errors.HfHubHTTPError,
                *self._of_transport(),
            ) as error:
                wait_at_most = self._wait(error, subject, wait, is_last=not left)
            self._pause(wait_at_most)
            wait *= 2
        raise AssertionError  # the last try raises

    def _wait(self, error: Exception, subject: str, wait: float, *, is_last: bool) -> float:
        """How long to wait before asking again; a HubError where that is of no use."""
        response: Any = getattr(error, "response", None)
        status = getattr(response, "status_code", None)
        if status == 404:
            raise _AbsentError([Diagnostic("hub-unreachable", f"{subject}: not found")]) from error
        if status in {401, 403}:
            message = f"the Hub refuses access to {subject}"
            raise _error("hub-access", message, _LOG_IN) from error
        if status is not None and status not in _LATER:
            raise _error("hub-unreachable", f"the Hub answered {status} for {subject}") from error
        asked = wanted_wait(getattr(response, "headers", {}))
        if asked is not None and asked > LONGEST_WAIT:
            message = f"the Hub asks to wait for {asked:.0f} s before {subject} is asked for again"
            raise _error("hub-unreachable", message, f"{_TOKEN}; {self._later}") from error
        if is_last:
            what = f"answered {status} for" if status else "does not answer for"
            why = "" if status else f": {in_one_line(error)}"
            help_text = f"{_TOKEN}; {self._later}" if status == 429 else self._later
            message = f"the Hub {what} {subject}{why}"
            raise _error("hub-unreachable", message, help_text) from error
        return wait if asked is None else asked

    def _of_transport(self) -> tuple[type[Exception], ...]:
        """What the HTTP client of huggingface_hub raises where there is no answer."""
        client = type(self._library.utils.get_session()).__module__.partition(".")[0]
        failed = getattr(sys.modules[client], "RequestError", OSError)
        return failed, self._library.errors.LocalEntryNotFoundError, OSError


_TOKEN: Final = "log in with `hf auth login` or set HF_TOKEN: the limits are higher then"  # noqa: S105 (words)
_LOG_IN: Final = "log in with `hf auth login`, or set HF_TOKEN"
_ELSEWHERE: Final = "do this where there is a network and take the cache along"


class _AbsentError(HubError):
    """What is not there, where that is an answer."""
