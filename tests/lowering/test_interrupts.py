"""Ctrl-C anywhere: at every line that runs, an interrupt leaves a model whole.

After an error in `kernelize`, `kernelized` or `use_kernel_config` nothing is left of them; an
interrupted `restore` has done all or nothing, and a second one finishes it. One interrupt is
survived: several in a row cannot be.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kernels
import pytest
from torch import nn

import kernel_schema as ks
from kernel_schema.lowering.restore import ONE_AT_A_TIME
from kernel_schema.lowering.upstream import active_mapping
from tests.lowering.toys import Block, LateNorm, Pristine, factor, make_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    Kernel = Callable[[str], ks.LocalRef]

OURS = str(Path(ks.__file__).parent)
THEIRS = str(Path(kernels.__file__).parent / "layer")


class Interrupting:
    """Raises KeyboardInterrupt at the n-th line of our code, and of what kernels puts in place.

    Args:
        at: The line; the first is 1.
        since: Count from the n-th time on that somebody takes a snapshot: before the last one
            nothing is changed, and there is much to read.
    """

    def __init__(self, at: int, since: int = 0) -> None:
        self.at, self.lines, self.since = at, 0, since

    def __call__(self, frame: FrameType, event: str, arg: object) -> Any:
        name = frame.f_code.co_filename
        if not name.startswith((OURS, THEIRS)) and "contextlib" not in name:
            return None
        if self.since and name.endswith("restore.py") and frame.f_code.co_name == "__init__":
            self.since -= "values" in frame.f_code.co_varnames
        # Lines of what was entered before count from then on too.
        return self.line

    def line(self, frame: FrameType, event: str, arg: object) -> Any:
        if event == "line" and not self.since:
            self.lines += 1
            if self.lines == self.at:
                sys.settrace(None)
                frame.f_trace = None
                raise KeyboardInterrupt
        return self.line


def interrupted(action: Callable[[], object], at: int, since: int = 0) -> bool:
    """Run something with an interrupt at one line; whether it came so far."""
    before = sys.gettrace()
    sys.settrace(Interrupting(at, since))
    try:
        action()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def points(step: int) -> Iterator[int]:
    return iter(range(1, 100_000, step))


def by_hand(x: Any) -> Any:
    return 13 * x


@pytest.fixture(autouse=True)
def _lock_is_free() -> Iterator[None]:
    """A line is told between the end of a `with` and what it does then, where no signal comes.

    An error raised there leaves the lock taken, and other tests' threads waiting.
    """
    yield
    while ONE_AT_A_TIME._is_owned():  # pyright: ignore[reportAttributeAccessIssue]
        ONE_AT_A_TIME.release()


@pytest.fixture
def config(kernel: Kernel) -> ks.KernelConfig:
    kernels = {"Norm": kernel("Norm"), "double": kernel("Double"), "LateNorm": kernel("Norm")}
    return ks.KernelConfig(kernels)


def model_with_hand_set_forward() -> nn.Sequential:
    """One layer, one function, and one layer whose forward was set by hand."""
    model = nn.Sequential(Block(), LateNorm()).eval()
    vars(model[1])["forward"] = by_hand
    return model


# A file that was being opened is closed when it is collected, and Python says so.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
# The quick half tries one line in 197, the slower one in 29, the thorough one all since the last
# snapshot is taken.
STEPS = [
    pytest.param(197, id="some"),
    pytest.param(29, id="many", marks=pytest.mark.slow),
    pytest.param(1, id="all", marks=pytest.mark.thorough),
]


@pytest.mark.parametrize("step", STEPS)
def test_kernelize(config: ks.KernelConfig, step: int) -> None:
    ks.kernelize(make_model(), config)  # what is loaded once is loaded
    for at in points(step):
        model = model_with_hand_set_forward()
        ks.restore(model_with_hand_set_forward())
        pristine = Pristine(model)
        since = 1 if step == 1 else 0
        if not interrupted(lambda: ks.kernelize(model, config), at, since):  # noqa: B023
            break
        assert pristine.changes() == [], at
    assert at > 500


@pytest.mark.parametrize("step", STEPS)
def test_kernelized(config: ks.KernelConfig, step: int) -> None:
    ks.kernelize(make_model(), config)

    def block() -> None:
        with ks.kernelized(model, config):
            factor(model)

    for at in points(step):
        ks.restore(model_with_hand_set_forward())
        model = model_with_hand_set_forward()
        pristine = Pristine(model)
        reached = interrupted(block, at, 2 if step == 1 else 0)
        assert pristine.changes() == [], at
        if not reached:
            break
    assert at > 500


@pytest.mark.parametrize("step", STEPS)
def test_use_kernel_config(config: ks.KernelConfig, step: int) -> None:
    def block() -> None:
        with ks.use_kernel_config(config):
            pass

    for at in points(max(1, step // 5)):
        before = dict(active_mapping())
        reached = interrupted(block, at)
        assert active_mapping() == before, at
        if not reached:
            break
    assert at > 50


@pytest.mark.parametrize("step", STEPS)
def test_restore(config: ks.KernelConfig, step: int) -> None:
    for at in points(max(1, step // 5)):
        model = model_with_hand_set_forward()
        pristine = Pristine(model)
        ks.kernelize(model, config)
        kernelized = factor(model)
        reached = interrupted(lambda: ks.restore(model), at)  # noqa: B023
        assert pristine.changes() == [] or factor(model) == kernelized, at
        ks.restore(model)
        assert pristine.changes() == [], at
        assert model[1].forward is by_hand, at
        if not reached:
            break
    assert at > 20
