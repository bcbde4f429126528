"""The layers of a kernel repository for one NVIDIA GPU, in Triton."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def _rms_norm(x, weight, out, size, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK)
    inside = columns < size
    values = tl.load(x + row * size + columns, mask=inside, other=0.0).to(tl.float32)
    scale = tl.rsqrt(tl.sum(values * values, axis=0) / size + eps)
    weights = tl.load(weight + columns, mask=inside, other=0.0).to(tl.float32)
    tl.store(out + row * size + columns, values * scale * weights, mask=inside)


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, eps):
        ctx.save_for_backward(x, weight)
        ctx.eps = eps
        x = x.contiguous()
        out = torch.empty_like(x)
        size = x.shape[-1]
        block = triton.next_power_of_2(size)
        _rms_norm[(x.numel() // size,)](x, weight, out, size, eps, BLOCK=block, num_warps=8)
        return out

    @staticmethod
    def backward(ctx, gradient):
        x, weight = ctx.saved_tensors
        values, wide = x.float(), gradient.float()
        scale = torch.rsqrt(values.pow(2).mean(-1, keepdim=True) + ctx.eps)
        normed = values * scale
        weighted = wide * weight.float()
        along = (weighted * normed).mean(-1, keepdim=True)
        of_x = (weighted - normed * along) * scale
        of_weight = (wide * normed).flatten(0, -2).sum(0)
        return of_x.to(x.dtype), of_weight.to(weight.dtype), None


class RMSNorm(nn.Module):
    can_torch_compile = True

    def forward(self, x):
        return _RMSNorm.apply(x, self.weight, self.eps)


class RMSNormOffByATenth(nn.Module):
    can_torch_compile = True

    def forward(self, x):
        return _RMSNorm.apply(x, self.weight, self.eps) * 1.1


@triton.jit
def _silu_and_mul(x, out, size, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    columns = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = columns < size
    gate = tl.load(x + row * 2 * size + columns, mask=inside, other=0.0).to(tl.float32)
    up = tl.load(x + row * 2 * size + size + columns, mask=inside, other=0.0).to(tl.float32)
    tl.store(out + row * size + columns, gate * tl.sigmoid(gate) * up, mask=inside)


class _SiluAndMul(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        x = x.contiguous()
        size = x.shape[-1] // 2
        out = torch.empty(*x.shape[:-1], size, dtype=x.dtype, device=x.device)
        rows = out.numel() // size
        if rows:
            _silu_and_mul[(rows, triton.cdiv(size, 1024))](x, out, size, BLOCK=1024, num_warps=4)
        return out

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        gate, up = x.float().chunk(2, -1)
        sigmoid = torch.sigmoid(gate)
        wide = gradient.float()
        of_gate = wide * up * sigmoid * (1 + gate * (1 - sigmoid))
        return torch.cat((of_gate, wide * gate * sigmoid), -1).to(x.dtype)


class SiluAndMul(nn.Module):
    can_torch_compile = True

    def forward(self, x):
        return _SiluAndMul.apply(x)


@triton.jit
def _rotary(
    x, cos, sin, out, heads, length, batch_stride, head_stride, row_stride, sign, HALF: tl.constexpr
):
    row = tl.program_id(0).to(tl.int64)
    position = row % length
    head = (row // length) % heads
    batch = row // length // heads
    columns = tl.arange(0, HALF)
    source = x + batch * batch_stride + head * head_stride + position * row_stride
    table = (batch * length + position) * 2 * HALF
    first = tl.load(source + columns).to(tl.float32)
    second = tl.load(source + HALF + columns).to(tl.float32)
    c1 = tl.load(cos + table + columns).to(tl.float32)
    c2 = tl.load(cos + table + HALF + columns).to(tl.float32)
    s1 = tl.load(sin + table + columns).to(tl.float32) * sign
    s2 = tl.load(sin + table + HALF + columns).to(tl.float32) * sign
    target = out + row * 2 * HALF
    tl.store(target + columns, first * c1 - second * s1)
    tl.store(target + HALF + columns, second * c2 + first * s2)


def _rotated(x, cos, sin, sign):
    batch, heads, length, size = x.shape
    if x.stride(-1) != 1:
        x = x.contiguous()
    out = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    _rotary[(batch * heads * length,)](
        x, cos, sin, out, heads, length, *x.stride()[:3], sign, HALF=size // 2, num_warps=2
    )
    return out


class _Rotary(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, cos, sin):
        ctx.save_for_backward(cos, sin)
        return _rotated(x, cos, sin, 1.0)

    @staticmethod
    def backward(ctx, gradient):
        # Both halves of the tables are the same, so that turning back is turning the other way.
        cos, sin = ctx.saved_tensors
        return _rotated(gradient.contiguous(), cos, sin, -1.0), None, None


class Rotary(nn.Module):
    can_torch_compile = True

    def forward(self, q, k, cos, sin):
        cos, sin = cos.contiguous(), sin.contiguous()
        return _Rotary.apply(q, cos, sin), _Rotary.apply(k, cos, sin)
