"""RUSHLIGHT_KERNELS=force takes kernels at any size: the smallest arrays give what numpy gives for them."""

import numpy as np
import pytest

import rushlight as torch
from rushlight import nn
from rushlight.runtime import available, set_kernel_mode

pytestmark = pytest.mark.skipif(not available(), reason=available().reason)
SHAPES = [(), (1,), (0,), (1, 1), (3, 0), (2, 3), (1, 4, 1)]
OPERATORS = {
    "add": lambda x: x + x,
    "exp": torch.exp,
    "gelu": nn.functional.gelu,
    "sum": torch.sum,
    "sum of the last": lambda x: x.sum(-1),
    "softmax": lambda x: x.softmax(-1),
    "log_softmax": lambda x: x.log_softmax(0),
    "logsumexp": lambda x: x.logsumexp(-1),
    "norm": torch.linalg.vector_norm,
    "largest": lambda x: torch.linalg.vector_norm(x, float("inf"), -1),
    "sizes": lambda x: torch.linalg.vector_norm(x, 1, keepdim=True),
    "mean": torch.mean,
    "variance": torch.var,
    "copy": lambda x: x.expand(2, *x.shape).transpose(0, -1).contiguous(),
    "squares": lambda x: nn.functional.mse_loss(x, 2 * x),
    "layer_norm": lambda x: nn.functional.layer_norm(x, x.shape[-1:]) if x.dim() else x,
    "cumsum": lambda x: x.cumsum(-1),
}


def outcome(function, shape):
    """The result, the gradient, or the kind of error."""
    x = (
        torch.linspace(-1, 1, max(1, int(np.prod(shape))))[: int(np.prod(shape))]
        .reshape(shape)
        .requires_grad_()
    )
    try:
        result = function(x)
        result.sum().backward()
    except (RuntimeError, IndexError, ValueError) as error:
        return type(error)
    return result.detach().numpy(), x.grad.numpy()


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", OPERATORS)
def test_smallest_arrays(name):
    for shape in SHAPES:
        found = {}
        for mode in ("force", "off"):
            before = set_kernel_mode(mode)
            try:
                found[mode] = outcome(OPERATORS[name], shape)
            finally:
                set_kernel_mode(before)
        if isinstance(found["off"], type):
            assert found["force"] is found["off"], shape
            continue
        for one, other in zip(found["force"], found["off"]):
            np.testing.assert_allclose(one, other, rtol=2e-6, atol=1e-6, err_msg=str(shape))


@pytest.mark.parametrize("shape", [(3, 4), (100, 200)])
def test_an_expanded_tensor_is_filled(shape):
    """Its elements share memory, and a fill may write the same value many times."""
    for mode in ("force", "auto", "off"):
        before = set_kernel_mode(mode)
        try:
            x = torch.zeros(shape[0], 1)
            assert (x.expand(shape).fill_(2.0) == 2).all()
            assert (x == 2).all()
        finally:
            set_kernel_mode(before)
