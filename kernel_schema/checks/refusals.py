"""What keeps a kernel from being handed to the kernels library, however little is checked before.

A config comes from anywhere: each question is answered from its words, or by one look at a file.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Final

from kernel_schema.diagnostics import Diagnostic
from kernel_schema.limits import MAX_LOCK_BYTES
from kernel_schema.paths import exists, home_path, is_file, is_network_path, names_a_user, size_of
from kernel_schema.schema.rules import HubKernel, LocalKernel
from kernel_schema.typeguards import is_tuple
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from kernel_schema.schema.rules import Rule


def refusal(rule: Rule, *, network: bool = False) -> Diagnostic | None:
    """Why the kernel of a rule cannot be used; with `network`, locks on other machines can."""
    return untrusted_revision(rule) or unknown_home(rule) or _unreadable_lock(rule, network=network)


# A pull request by its ref, or by the short name that git and the Hub take for it: `pr/1`.
_REF: Final = re.compile(r"refs(?:/|\Z)|pr/[0-9]+\Z")
_BRANCH: Final = re.compile(r"refs/(?:heads|tags)/(.+)")


def untrusted_revision(rule: Rule) -> Diagnostic | None:
    """A revision that anybody may have written, of a publisher who is trusted: see the code."""
    kernel = rule.kernel
    if not isinstance(kernel, HubKernel) or kernel.revision is None:
        return None
    trust = kernel.trust_remote_code
    # Spelt in capitals or with `//` and `./`: whatever a server may take for the same.
    spelt_out = posixpath.normpath(kernel.revision.lower()).lstrip("./")
    if _REF.match(spelt_out) is None or (kernel.repo_id in trust if is_tuple(trust) else trust):
        return None
    branch = _BRANCH.match(kernel.revision)
    help_text = (
        "name a branch or tag without `refs/`, or a commit; where the pull request is to be "
        "trusted, set `trust_remote_code`"
    )
    if branch:
        help_text = f"name the branch or tag without `refs/`: {quote(branch[1])}"
    return Diagnostic(
        "untrusted-revision",
        f"{quote(kernel.revision)} need not be the work of {quote(kernel.repo_id)}: anybody can "
        "open a pull request",
        rule.route,
        help_text,
    )


def unknown_home(rule: Rule) -> Diagnostic | None:
    """A path in the home directory of another user, `~user/...`: looking it up asks a network."""
    kernel = rule.kernel
    local = isinstance(kernel, LocalKernel)
    path: str | None = kernel.path if local else getattr(kernel, "lockfile", None)
    if path is None or not names_a_user(path):
        return None
    return Diagnostic(
        "missing-local-kernel" if local else "missing-lockfile",
        f"the home directory of another user is not looked up: {quote(path)}",
        rule.route,
        help="write the folder out",
    )


def _unreadable_lock(rule: Rule, *, network: bool) -> Diagnostic | None:
    lockfile = getattr(rule.kernel, "lockfile", None)
    if lockfile is None:
        return None
    path = home_path(lockfile)
    help_text = "write it with `kernels lock`"
    if is_network_path(lockfile):
        # Whatever is there is not asked for, unless to run it.
        if network:
            return None
        why, help_text = "is on another machine", "copy it here; `kernelize` alone asks for it"
    elif exists(path) and not is_file(path):
        why = "is no regular file"
    elif size_of(path) > MAX_LOCK_BYTES:
        why = f"is larger than {MAX_LOCK_BYTES} bytes"
    else:
        return None
    message = f"the lock file {quote(lockfile, longest=1000)} {why}"
    return Diagnostic("unusable-lockfile", message, rule.route, help_text)
