"""Conversions, copies, fills and samplers on tensors of any layout: values and strides are PyTorch's."""

from __future__ import annotations

import copy
import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rushlight as rl

torch = pytest.importorskip("torch")

DTYPES = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "uint8", "int8", "bool", "complex64")
NEW = {
    "zeros_like": lambda t, x, d: t.zeros_like(x),
    "ones_like as": lambda t, x, d: t.ones_like(x, dtype=d),
    "full_like": lambda t, x, d: t.full_like(x, 1),
    "row-major like": lambda t, x, d: t.zeros_like(x, memory_format=t.contiguous_format),
    "clone": lambda t, x, d: x.clone(),
    "to": lambda t, x, d: x.to(d),
    "to with copy": lambda t, x, d: x.to(x.dtype, copy=True),
    "tensor": lambda t, x, d: t.tensor(x, dtype=d),
    "deepcopy": lambda t, x, d: copy.deepcopy(x),
    "pickle": lambda t, x, d: pickle.loads(pickle.dumps(x)),
    "tolist": lambda t, x, d: t.tensor(x.tolist(), dtype=x.dtype),
    "numpy": lambda t, x, d: t.from_numpy(x.float().numpy()),
    "rand_like": lambda t, x, d: t.rand_like(x, dtype=t.float32),
    "randn_like": lambda t, x, d: t.randn_like(x, dtype=t.float64),
    "new": lambda t, x, d: x.new_full((2,), 1),
    "meta": lambda t, x, d: t.zeros(tuple(x.to("meta").to(d).shape)),
    "metadata": lambda t, x, d: t.tensor(
        [x.storage_offset() * bool(x.numel()), x.numel(), x.element_size(), x.dim()]
    ),
    "storage": lambda t, x, d: t.tensor([x.untyped_storage().nbytes(), x.is_contiguous()]),
}
EDITS = {
    "copy": lambda t, x, other: x.copy_(other),
    "copy of itself": lambda t, x, other: x.copy_(x.clone()),
    "fill": lambda t, x, other: x.fill_(1),
    "fill with a tensor": lambda t, x, other: x.fill_(t.tensor(1)),
    "zero": lambda t, x, other: x.zero_(),
    "random": lambda t, x, other: x if x.is_complex() else x.random_(0, 2),
    "bernoulli": lambda t, x, other: x if x.is_complex() else x.bernoulli_(0.5),
}


@st.composite
def layouts(draw):
    """How a tensor is cut out of row-major memory: its shape, steps, offsets and order of dimensions."""
    shape = draw(st.lists(st.integers(0, 4), max_size=4))
    cuts = [(draw(st.integers(0, 2)), draw(st.integers(1, 2))) for _ in shape]
    order = draw(st.permutations(range(len(shape))))
    return shape, cuts, order, draw(st.sampled_from(DTYPES)), draw(st.integers(0, 5))


def cut(t, layout):
    shape, cuts, order, dtype, seed = layout
    whole = [n * step + start for n, (start, step) in zip(shape, cuts)]
    values = np.random.default_rng(seed).integers(0, 5, whole)
    memory = t.zeros(whole, dtype=getattr(t, dtype)).copy_(t.from_numpy(values))
    view = memory[tuple(slice(start, None, step) for start, step in cuts)] if shape else memory
    return memory, view.permute(list(order))


def seen(x):
    wide = x.to((torch if isinstance(x, torch.Tensor) else rl).complex128)
    # strides that no element is reached by are of no consequence, and numpy forgets them
    strides = [s if n > 1 else None for s, n in zip(x.stride(), x.shape)] if x.numel() else None
    return [list(x.shape), strides, str(x.dtype), str(wide.tolist())]


@pytest.mark.parametrize("name", NEW)
@settings(max_examples=30)
@given(layout=layouts(), other=st.sampled_from(DTYPES))
def test_new_tensors(name, layout, other):
    results = []
    for t in (torch, rl):
        t.manual_seed(1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results.append(seen(NEW[name](t, cut(t, layout)[1], getattr(t, other))))
    assert results[1] == results[0]


@pytest.mark.parametrize("name", EDITS)
@settings(max_examples=30)
@given(layout=layouts(), other=st.sampled_from(DTYPES))
def test_edits_reach_the_memory_behind(name, layout, other):
    results = []
    for t in (torch, rl):
        t.manual_seed(1)
        memory, view = cut(t, layout)
        source = (t.arange(view.numel()) % 5).reshape(view.shape).to(getattr(t, other))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            EDITS[name](t, view, source)
        results.append([seen(memory), seen(view)])
    assert results[1] == results[0]
