"""Each way in which a kernel can be wrong is found and named; a right one is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

import kernel_schema as ks
from tests.measure.planted import Norm, inputs, model

if TYPE_CHECKING:
    from pathlib import Path

ERRORS = ("kernel-beyond-tolerance", "kernel-fails", "kernel-never-called")


def compared(
    planted: Path, layer: str, dtype: torch.dtype = torch.float32, **options: Any
) -> ks.Comparison:
    config = ks.KernelConfig({"RMSNorm": str(ks.LocalRef(planted, layer))})
    return ks.compare(model(dtype), config, inputs(dtype), seconds=0, **options)


def errors(comparison: ks.Comparison) -> list[str]:
    return [each.code for each in comparison.diagnostics if each.code in ERRORS]


def message(comparison: ks.Comparison) -> str:
    (found,) = (each for each in comparison.diagnostics if each.code in ERRORS)
    assert str(found.route) == "kernel_mapping.RMSNorm"
    return found.message


@pytest.mark.parametrize(
    ("layer", "dtype"),
    [
        ("Right", torch.float32),
        ("Right", torch.bfloat16),
        ("Right", torch.float16),
        ("Copy", torch.float64),
        ("InPlace", torch.float32),
    ],
)
def test_a_right_one_is_right(planted: Path, layer: str, dtype: torch.dtype) -> None:
    comparison = compared(planted, layer, dtype)
    assert errors(comparison) == []
    assert comparison.ok
    assert [(each.shape, each.calls) for each in comparison.layers] == [
        ((2, 8, 16), 1),
        ((2, 4, 16), 1),
    ]
    assert {each.dtype for each in comparison.layers} == {str(dtype).removeprefix("torch.")}
    assert comparison.calls == {"RMSNorm": 2}


def test_what_is_the_same_is_shown_as_the_same(planted: Path) -> None:
    comparison = compared(planted, "Copy", backward=True)
    for layer in comparison.layers:
        assert [each.what for each in layer.differences] == [
            "output",
            "gradient of input 0",
            "gradient of weight",
        ]
        assert all(each.exact and each.ulps == 0 for each in layer.differences)
    assert comparison.model is not None
    assert comparison.model.difference is not None
    assert comparison.model.difference.exact


def test_twice_as_much(planted: Path) -> None:
    comparison = compared(planted, "Twice")
    assert errors(comparison) == ["kernel-beyond-tolerance"] * 2
    assert not comparison.ok
    for layer in comparison.layers:
        (difference,) = layer.differences
        assert difference.beyond
        assert difference.largest_relative == pytest.approx(1, rel=1e-5)
        assert difference.cosine == pytest.approx(1)


def test_one_unit_in_the_last_place_is_shown_and_not_judged(planted: Path) -> None:
    for dtype in (torch.float32, torch.bfloat16):
        comparison = compared(planted, "OneUlp", dtype)
        assert errors(comparison) == []
        for layer in comparison.layers:
            (difference,) = layer.differences
            # Below zero, and at a power of 2, a step towards infinity is half of one.
            assert difference.ulps == 1
            assert difference.differing == difference.total
            assert f"{difference.total} of {difference.total}, 1 ulp" in str(comparison)


def test_wrong_for_one_shape(planted: Path) -> None:
    comparison = compared(planted, "WrongForEight")
    assert "float32[2, 8, 16]" in message(comparison)
    assert [each.differences[0].beyond for each in comparison.layers] == [True, False]


def test_wrong_in_one_dtype(planted: Path) -> None:
    assert errors(compared(planted, "WrongInHalf")) == []
    comparison = compared(planted, "WrongInHalf", torch.bfloat16)
    assert errors(comparison) == ["kernel-beyond-tolerance"] * 2
    assert "bfloat16" in comparison.diagnostics[0].message


def test_wrong_in_the_backward_pass_only(planted: Path) -> None:
    assert errors(compared(planted, "WrongBackward")) == []
    comparison = compared(planted, "WrongBackward", backward=True)
    assert errors(comparison) == ["kernel-beyond-tolerance"] * 2
    assert "gradient of input 0" in comparison.diagnostics[0].message
    assert "output" not in comparison.diagnostics[0].message


def test_a_kernel_in_float32_is_wrong_for_float64(planted: Path) -> None:
    assert errors(compared(planted, "Right", torch.float64)) == ["kernel-beyond-tolerance"] * 2


def test_without_a_gradient_where_one_is_asked_for(planted: Path) -> None:
    assert errors(compared(planted, "NoGradient")) == []
    comparison = compared(planted, "NoGradient", backward=True)
    assert errors(comparison) == ["kernel-fails"] * 2
    assert "its result has no gradient" in comparison.diagnostics[0].message


def test_never_called(planted: Path) -> None:
    class Unused(Norm):
        kernel_layer_name = "Unused"

    host = model()
    host.spare = Unused()
    kernel = str(ks.LocalRef(planted, "Copy"))
    comparison = ks.compare(
        host, ks.KernelConfig({"RMSNorm": kernel, "Unused": kernel}), inputs(), seconds=0
    )
    (found,) = (each for each in comparison.diagnostics if each.code in ERRORS)
    assert found.code == "kernel-never-called"
    assert "`Unused`" in found.message
    assert comparison.calls == {"RMSNorm": 2, "Unused": 0}
    assert comparison.of_layer("Unused") == ()


def test_slower_than_the_original(planted: Path) -> None:
    comparison = compared(planted, "Slow")
    (slow,) = (each for each in comparison.diagnostics if each.code == "kernel-slower")
    assert slow.severity is ks.Severity.WARNING
    assert slow.message.endswith(" on float32[2, 8, 16]; float32[2, 4, 16]")
    assert comparison.ok
    assert all(each.times is not None and each.times.ratio > 5 for each in comparison.layers)


def test_one_that_raises_is_a_finding(planted: Path) -> None:
    comparison = compared(planted, "Raises")
    assert errors(comparison) == ["kernel-fails"] * 2
    assert "sizes of a power of 2 only" in comparison.diagnostics[0].message
    assert "in first" in comparison.diagnostics[0].message
    assert comparison.model is None
    assert all(each.failure for each in comparison.layers)


def test_one_that_gives_another_shape(planted: Path) -> None:
    comparison = compared(planted, "OtherShape")
    assert set(errors(comparison)) == {"kernel-fails"}
    assert "it gives float32[2, 8, 1], the original float32[2, 8, 16]" in str(comparison)


def test_one_that_gives_what_is_no_number(planted: Path) -> None:
    comparison = compared(planted, "NotANumber")
    assert errors(comparison) == ["kernel-beyond-tolerance"] * 2
    assert "is not finite where the original is" in comparison.diagnostics[0].message


def test_a_stated_tolerance_is_the_tolerance(planted: Path) -> None:
    assert errors(compared(planted, "Twice", tolerance=1.5)) == []
    assert errors(compared(planted, "OneUlp", tolerance=0)) == ["kernel-beyond-tolerance"] * 2
    # What is exactly the original's is shown, and not judged.
    assert errors(compared(planted, "Copy", tolerance=0)) == []
    for wrong in (-1, float("nan"), float("inf"), "0.1", True):
        with pytest.raises(TypeError, match="`tolerance`"):
            compared(planted, "Right", tolerance=wrong)
