"""Runs a plan of scenarios in this process; imported by `session` once the Hub is up.

Every step of a scenario is watched: the requests that reached the Hub, and every address that the
process tried to connect to or to look up, so that a request to somewhere else would show as well.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kernels
import torch
from huggingface_hub import constants
from kernels import LayerRepository, Mode, use_kernel_mapping
from kernels._rust import KernelDependency, KernelLock, KernelLocks, KernelVersion
from kernels.hf_hub import _get_hf_api
from kernels.locking import extract_dependency_locks
from pydantic import ValidationError

import kernel_schema as ks

from .model import HubModel, factors, forwards, kernel_files, reset, sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .server import Hub

_CONTACTS = {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname"}


class Watch:
    """What the process asked of the network, step by step."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._contacts: list[str] = []
        self.steps: dict[str, list[str]] = {}
        # There is no way to take an audit hook away again: one for the whole process.
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _CONTACTS:
            # The first argument of socket.connect is the socket, of the others the name to look up.
            address = arguments[1] if event == "socket.connect" else arguments[0]
            self._contacts.append(f"{event} {address}")

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Add what is asked inside the block to the list of the step `name`."""
        requests, contacts = len(self._hub.requests), len(self._contacts)
        try:
            yield
        finally:
            asked = [str(request) for request in self._hub.requests[requests:]]
            made = self._contacts[contacts:]
            # Where the Hub saw requests, the connections that brought them say nothing new.
            made = [contact for contact in made if not asked or "127.0.0.1" not in contact]
            self.steps.setdefault(name, []).extend([*asked, *made])

    def take(self) -> dict[str, list[str]]:
        """The steps so far; the next scenario starts with none."""
        taken, self.steps = self.steps, {}
        return taken


def run(plan: Mapping[str, Any], hub: Hub) -> dict[str, Any]:
    """Write the plan's lock files, run its scenarios in order, then those with the Hub down.

    Takes `{"locks": [...], "alone": {...}, "up": [...], "down": [...], "mistakes": [...]}`; gives
    outcomes under all but the first of these names.
    """
    assert hub.url == constants.ENDPOINT, "huggingface_hub was imported before HF_ENDPOINT was set"
    torch.manual_seed(0)
    watch = Watch(hub)
    for lock in plan["locks"]:
        _write_lock(**lock)
    outcomes: dict[str, Any] = {
        "alone": {label: _alone(chosen, watch) for label, chosen in plan["alone"].items()},
        "up": {scenario["name"]: _scenario(scenario, watch) for scenario in plan["up"]},
    }
    hub.close()
    outcomes["down"] = {scenario["name"]: _scenario(scenario, watch) for scenario in plan["down"]}
    outcomes["mistakes"] = [_mistake(mapping, watch) for mapping in plan["mistakes"]]
    return outcomes


def _write_lock(path: str, repo_id: str, version: int, commit: str | None = None) -> None:
    """Write a lock file: by kernels' own locking, or in its format for a commit of our choice."""
    dependency = KernelDependency(repo_id=repo_id, version=KernelVersion.Version(version))
    if commit is None:
        locks = extract_dependency_locks([dependency], api=_get_hf_api())
    else:
        locks = KernelLocks(locks={dependency: KernelLock(commit)})
    Path(path).write_text(locks.to_json(), encoding="utf-8")


def _alone(chosen: Mapping[str, Any], watch: Watch) -> dict[str, Any]:
    """kernels without us: shows that the Hub is right where a scenario of ours fails."""
    model = HubModel().eval()
    repository = LayerRepository("trusted-org/plain", layer_name="DemoNorm", **chosen)
    error = None
    mapping: dict[str, Any] = {"DemoNorm": {"cpu": repository}}
    with watch.step("kernelize"), use_kernel_mapping(mapping, inherit_mapping=False):
        try:
            kernels.kernelize(model, mode=Mode.INFERENCE, device="cpu")
        except Exception as raised:  # noqa: BLE001 (whatever it is, the test looks at it)
            error = f"{type(raised).__name__}: {raised}"
    outcome = {"steps": watch.take(), "error": error, "factors": factors(model)}
    reset(model)
    return outcome


def _scenario(scenario: Mapping[str, Any], watch: Watch) -> dict[str, Any]:
    """One config on its way from a mapping to a kernelized model, or to an error."""
    model = HubModel().eval()
    if scenario["before"] is not None:
        ks.kernelize(model, ks.KernelConfig(scenario["before"]))
    before, output = forwards(model), model(sample())
    outcome: dict[str, Any] = {"errors": {}, "report": None}

    @contextmanager
    def step(name: str) -> Iterator[None]:
        try:
            with watch.step(name):
                yield
        except Exception as raised:  # noqa: BLE001 (whatever it is, the test looks at it)
            with watch.step("message"):
                outcome["errors"][name] = _told(raised)

    with watch.step("construct"):
        config = ks.KernelConfig(scenario["mapping"])
        _say(config, config.model_dump_json())
    with step("check"):
        _say(*ks.check(config), *ks.check(config, model))
    with step("sanitize"):
        config.sanitize_kernel_mapping(model)
    with step("lower"):
        # Not said: the text of a repository of kernels itself asks the Hub.
        ks.lower(config)
        ks.lower(config, model)
        config.create_compatible_mapping(model)
    with step("kernelize"):
        report = ks.kernelize(model, config)
        with watch.step("report"):
            _say(report)
            outcome["report"] = _in_use(report)
    with watch.step("audit"):
        audit = ks.audit(model)
        _say(audit)
        outcome["audit"] = _in_use(audit)
    outcome["factors"], outcome["files"] = factors(model), kernel_files(model)
    outcome["kept"] = forwards(model) == before and _same(model(sample()), output)
    with step("restore"):
        ks.restore(model)
    outcome["restored"] = not any(own for own, _ in forwards(model))
    reset(model)
    outcome["steps"] = watch.take()
    if not outcome["errors"]:
        outcome["lowered"] = _lowered(config)
    return outcome


def _say(*values: object) -> None:
    """Format everything in both ways, for what that may ask of the network."""
    for value in values:
        _ = f"{value!s} {value!r}"


def _in_use(report: ks.Report) -> dict[str, list[tuple[str, int]]]:
    """By name, the kernels that a report tells of and how much each replaces."""
    return {
        layer.layer_name: [(str(kernel.kernel), kernel.count) for kernel in layer.kernels]
        for layer in report.layers
    }


def _lowered(config: ks.KernelConfig) -> dict[str, list[float | None]]:
    """What a fresh model does when kernels itself is handed the mapping of `config`."""
    model = HubModel().eval()
    mapping: Any = config.create_compatible_mapping(model)
    with use_kernel_mapping(mapping, inherit_mapping=False):
        kernels.kernelize(model, mode=Mode.INFERENCE, device="cpu")
    found = factors(model)
    reset(model)
    return found


def _told(raised: BaseException) -> dict[str, Any]:
    """Everything that an error can say, formatted: none of it may ask the network."""
    causes: list[str] = []
    cause = raised.__cause__ or raised.__context__
    while cause is not None:
        causes.append(f"{type(cause).__name__}: {cause}")
        cause = cause.__cause__ or cause.__context__
    ours = isinstance(raised, ks.KernelSchemaError)
    diagnostics = raised.diagnostics if isinstance(raised, ks.KernelSchemaError) else ()
    _say(raised, *diagnostics)
    codes = [diagnostic.code for diagnostic in diagnostics]
    return {"ours": ours, "text": str(raised), "codes": codes, "causes": causes}


def _mistake(mapping: object, watch: Watch) -> dict[str, Any]:
    """A config that is wrong by itself, refused with the Hub down."""
    told: dict[str, Any] = {"codes": []}
    with watch.step("construct"):
        try:
            ks.KernelConfig(mapping)  # pyright: ignore[reportArgumentType] (wrong on purpose)
        except ValidationError as raised:
            _say(raised)
            told = _told(ks.ConfigError.from_validation_error(raised))
    return {"codes": told["codes"], "steps": watch.take()}


def _same(left: tuple[torch.Tensor, ...], right: tuple[torch.Tensor, ...]) -> bool:
    return all(torch.equal(one, other) for one, other in zip(left, right, strict=True))
