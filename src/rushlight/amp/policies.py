"""Which operators autocast runs in the low type, which in float32, and which in the widest type that comes.

The lists are PyTorch's for the CPU. Whatever is not named runs in the types that it is given.
"""

from __future__ import annotations

from typing import Any

LOW, FLOAT32, WIDEST = "low", "float32", "widest"

_LOW = """
    mm bmm matmul addmm addbmm baddbmm linalg.matmul linalg.vecdot conv1d conv2d conv3d conv_tbc
    conv_transpose1d conv_transpose2d conv_transpose3d prelu nn.functional.linear nn.functional.conv1d
    nn.functional.conv2d nn.functional.conv3d nn.functional.conv_tbc nn.functional.conv_transpose1d
    nn.functional.conv_transpose2d nn.functional.conv_transpose3d nn.functional.prelu
    nn.functional.scaled_dot_product_attention lstm rnn_tanh rnn_relu
"""

_FLOAT32 = """
    polar prod quantile nanquantile stft cdist trace view_as_complex grid_sampler
    cholesky cholesky_inverse cholesky_solve inverse lu_solve orgqr ormqr pinverse geqrf qr svd
    triangular_solve
    linalg.cond linalg.matrix_rank linalg.solve linalg.cholesky linalg.cholesky_ex linalg.svdvals linalg.svd
    linalg.eig linalg.eigh linalg.eigvals linalg.eigvalsh linalg.inv linalg.inv_ex linalg.qr linalg.lstsq
    linalg.householder_product linalg.tensorinv linalg.tensorsolve
    fft.fft fft.ifft fft.fft2 fft.ifft2 fft.fftn fft.ifftn fft.rfft fft.irfft fft.rfft2 fft.irfft2 fft.rfftn
    fft.irfftn fft.hfft fft.ihfft
    cosine_embedding_loss hinge_embedding_loss margin_ranking_loss poisson_nll_loss triplet_margin_loss
    ctc_loss
    kl_div binary_cross_entropy_with_logits max_pool3d
    nn.functional.avg_pool3d nn.functional.max_pool3d nn.functional.max_unpool2d nn.functional.max_unpool3d
    nn.functional.adaptive_avg_pool3d nn.functional.adaptive_max_pool3d nn.functional.fractional_max_pool2d
    nn.functional.fractional_max_pool3d nn.functional.grid_sample nn.functional.binary_cross_entropy
    nn.functional.binary_cross_entropy_with_logits nn.functional.mse_loss nn.functional.l1_loss
    nn.functional.smooth_l1_loss nn.functional.huber_loss nn.functional.nll_loss nn.functional.cross_entropy
    nn.functional.cosine_embedding_loss nn.functional.hinge_embedding_loss nn.functional.margin_ranking_loss
    nn.functional.poisson_nll_loss nn.functional.soft_margin_loss nn.functional.multi_margin_loss
    nn.functional.multilabel_margin_loss nn.functional.triplet_margin_loss nn.functional.ctc_loss
    nn.functional.kl_div
"""

_POLICIES = {
    **dict.fromkeys(_LOW.split(), LOW),
    **dict.fromkeys(_FLOAT32.split(), FLOAT32),
    **dict.fromkeys(["cat", "stack", "index_copy"], WIDEST),
}


def policy_of(path: str, args: Any = (), kwargs: Any = None) -> str | None:
    """LOW, FLOAT32, WIDEST or None for a call of the operator at `path`."""
    if path == "nn.functional.pad":
        return _padding(*args, **(kwargs or {}))
    if path == "einsum":
        return LOW if _sums(args) else None
    return _POLICIES.get(path)


def _padding(input: Any, pad: Any, mode: str = "constant", value: Any = None) -> str | None:
    """Of the ways to pad, those that repeat the picture are on PyTorch's list."""
    return FLOAT32 if mode == "replicate" or (mode == "reflect" and len(pad) < 6) else None


def _sums(args: Any) -> bool:
    """Is this a sum of products of several tensors, and so a matrix product at heart?"""
    if not isinstance(args[0], str) or len(args) < 3:
        return len(args) > 2
    inputs, _, output = args[0].replace(" ", "").partition("->")
    letters = [letter for letter in inputs if letter.isalpha()]
    if "->" in args[0]:
        return not set(letters) <= set(output)
    return len(set(letters)) < len(letters)
