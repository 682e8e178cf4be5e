"""Linear algebra: results solve what defines them; gradients of two orders agree with PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight
from rushlight import linalg

SHAPES = [(4, 4), (2, 3, 3), (0, 0), (2, 0, 3, 3)]
RECTANGLES = [(3, 5), (5, 3), (2, 4, 2), (2, 2, 4), (0, 3), (3, 0)]
DTYPES = ["float64", "complex128"]
EPS = 1e-9


def values(shape, dtype="float64", seed=0):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=shape)
    return (x + 1j * generator.normal(size=shape) if "complex" in dtype else x).astype(dtype)


def hermitian(shape, dtype, seed=0, positive=False):
    x = values(shape, dtype, seed)
    adjoint = x.conj().swapaxes(-1, -2)
    return x @ adjoint + np.eye(shape[-1]) if positive else x + adjoint


def tensor(x):
    return rushlight.from_numpy(x)


def close(a, b):
    a = a.detach().numpy() if isinstance(a, rushlight.Tensor) else a
    b = b.detach().numpy() if isinstance(b, rushlight.Tensor) else b
    np.testing.assert_allclose(a, b, atol=EPS, rtol=EPS)


def orthonormal(q):
    close(q.mH @ q, np.broadcast_to(np.eye(q.shape[-1]), (*q.shape[:-2], q.shape[-1], q.shape[-1])))


# ---- what defines a result


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_solutions_solve(shape, dtype):
    a, b = tensor(values(shape, dtype)), tensor(values((*shape[:-1], 2), dtype, 1))
    close(a @ linalg.solve(a, b), b)
    close(a @ linalg.inv(a), np.broadcast_to(np.eye(shape[-1]), shape))
    close(linalg.solve(a, b.mT, left=False) @ a, b.mT)
    close(a.tril() @ linalg.solve_triangular(a, b, upper=False), b)
    close(linalg.lu_solve(*linalg.lu_factor(a), b), linalg.solve(a, b))
    close(linalg.lu_solve(*linalg.lu_factor(a), b, adjoint=True), linalg.solve(a.mH, b))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [*SHAPES, *RECTANGLES])
def test_factors_multiply_to_the_matrix(shape, dtype):
    a = tensor(values(shape, dtype))
    p, lower, upper = linalg.lu(a)
    close(p @ lower @ upper, a)
    close(upper, upper.triu())
    for mode in ("reduced", "complete"):
        q, r = linalg.qr(a, mode)
        close(q @ r, a)
        orthonormal(q)
    u, s, vh = linalg.svd(a, full_matrices=False)
    close((u * s.unsqueeze(-2)) @ vh, a)
    orthonormal(u)
    orthonormal(vh.mH)


@pytest.mark.parametrize("n", [1, 7, 33, 70])
def test_large_blocks_are_joined_rightly(n):
    a, b = values((2, n, n + 3)), values((2, n, 4), seed=1)
    p, lower, upper = linalg.lu(tensor(a))
    close(p @ lower @ upper, a)
    square = np.tril(a[..., :n]) + n * np.eye(n)
    close(tensor(square) @ linalg.solve_triangular(tensor(square), tensor(b), upper=False), b)
    close(tensor(square).mT @ linalg.solve_triangular(tensor(square).mT, tensor(b), upper=True), b)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_hermitian_factors(shape, dtype):
    a = tensor(hermitian(shape, dtype))
    w, v = linalg.eigh(a)
    close((v * w.unsqueeze(-2)) @ v.mH, a)
    close(linalg.eigvalsh(a), w)
    p = tensor(hermitian(shape, dtype, positive=True))
    factor = linalg.cholesky(p)
    close(factor @ factor.mH, p)
    upper = linalg.cholesky(p, upper=True)
    close(upper.mH @ upper, p)
    close(p @ rushlight.cholesky_solve(p, factor), p)
    close(rushlight.cholesky_inverse(factor) @ p, np.broadcast_to(np.eye(shape[-1]), shape))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_ldl_solves_indefinite_systems(n, dtype):
    for seed in range(6):
        full = hermitian((2, n, n), dtype, seed)
        full[..., np.arange(n), np.arange(n)] *= seed % 2  # a zero diagonal asks for blocks of two
        symmetric = values((2, n, n), dtype, seed)
        symmetric = symmetric + symmetric.swapaxes(-1, -2)
        b = tensor(values((2, n, 3), dtype, 9))
        for a, h in ((full, True), (symmetric, False)):
            if n == 1 and not a.any():
                continue
            x = linalg.ldl_solve(*linalg.ldl_factor(tensor(a), hermitian=h), b, hermitian=h)
            np.testing.assert_allclose((tensor(a) @ x).numpy(), b.numpy(), atol=1e-7)


def test_eigenpairs_of_any_matrix_are_complex():
    a = tensor(values((3, 4, 4)))
    w, v = linalg.eig(a)
    assert w.dtype == rushlight.complex128
    close(a.to(w.dtype) @ v, v * w.unsqueeze(-2))


def test_pseudoinverse_and_rank_of_a_deficient_matrix():
    a = values((5, 2)) @ values((2, 4), seed=1)
    p = linalg.pinv(tensor(a))
    close(p, np.linalg.pinv(a))
    assert linalg.matrix_rank(tensor(a)).item() == 2
    assert linalg.matrix_rank(tensor(a), atol=1e9).item() == 0


@pytest.mark.parametrize("driver", ["gels", "gelsy", "gelsd", "gelss"])
def test_least_squares(driver):
    a, b = values((6, 3)), values((6, 2), seed=1)
    found = linalg.lstsq(tensor(a), tensor(b), driver=driver)
    solution, residuals, rank, s = np.linalg.lstsq(a, b, rcond=None)
    close(found.solution, solution)
    if driver != "gelsy":
        close(found.residuals, residuals)
    assert driver == "gels" or found.rank.item() == rank
    if driver in ("gelsd", "gelss"):
        close(found.singular_values, s)


def test_reflections_make_up_q():
    a = tensor(values((5, 3), "complex128"))
    packed, tau = rushlight.geqrf(a)
    q, r = linalg.qr(a)
    close(linalg.householder_product(packed, tau), q)
    close(packed.triu()[:3], r)
    c = tensor(values((5, 4), "complex128", 1))
    whole = linalg.qr(a, "complete").Q
    close(rushlight.ormqr(packed, tau, c), whole @ c)
    close(rushlight.ormqr(packed, tau, c, transpose=True), whole.mH @ c)
    close(rushlight.ormqr(packed, tau, c.mT, left=False), c.mT @ whole)


def test_exponential_undoes_itself_and_turns():
    a = values((2, 4, 4)) * np.array([0.1, 30.0])[:, None, None]
    a = a - a.swapaxes(-1, -2)  # of a skew matrix it is a rotation, however large
    close(
        rushlight.matrix_exp(tensor(a)) @ rushlight.matrix_exp(tensor(-a)),
        np.broadcast_to(np.eye(4), a.shape),
    )
    quarter = tensor(np.array([[0.0, -np.pi / 2], [np.pi / 2, 0.0]]))
    close(linalg.matrix_exp(quarter), np.array([[0.0, -1.0], [1.0, 0.0]]))


@pytest.mark.parametrize("n", [-2, -1, 0, 1, 2, 3, 6])
def test_powers(n):
    a = values((2, 3, 3))
    close(linalg.matrix_power(tensor(a), n), np.linalg.matrix_power(a, n))


def test_extreme_eigenvalues_without_all_of_them():
    a = hermitian((60, 60), "float64", positive=True)
    w = np.linalg.eigvalsh(a)
    rushlight.manual_seed(0)
    np.testing.assert_allclose(rushlight.lobpcg(tensor(a), k=3)[0].numpy(), w[:-4:-1], rtol=1e-6)
    np.testing.assert_allclose(rushlight.lobpcg(tensor(a), k=2, largest=False)[0].numpy(), w[:2], rtol=1e-5)


def test_low_rank_approximation_of_a_matrix_of_low_rank():
    a = values((30, 4)) @ values((4, 20), seed=1)
    rushlight.manual_seed(0)
    u, s, v = rushlight.svd_lowrank(tensor(a), q=6)
    close((u * s) @ v.mH, a)
    u, s, v = rushlight.pca_lowrank(tensor(a), q=5)
    close((u * s) @ v.mH, a - a.mean(0))


# ---- singular input, and messages


def test_singular_matrices():
    a = rushlight.tensor([[[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.0], [2.0, 4.0]]])
    with pytest.raises(linalg.LinAlgError, match=r"linalg.inv: \(Batch element 1\): .* singular"):
        linalg.inv(a)
    assert issubclass(linalg.LinAlgError, RuntimeError)
    assert linalg.inv_ex(a).info.tolist() == [0, 2]
    close(linalg.inv_ex(a).inverse[0], np.linalg.inv(a[0].numpy()))
    with pytest.raises(linalg.LinAlgError):
        linalg.solve(a, a)
    with pytest.raises(linalg.LinAlgError, match="positive-definite"):
        linalg.cholesky(-a)
    assert linalg.cholesky_ex(-a).info.tolist() == [1, 1]
    assert linalg.det(a).tolist() == pytest.approx([-2.0, 0.0])


def test_gradient_of_the_determinant_exists_for_singular_matrices():
    for rank in (0, 1, 2, 3):
        a = values((3, rank)) @ values((rank, 3), seed=1)
        x = tensor(a).requires_grad_()
        linalg.det(x).backward()
        step = 1e-6
        expected = [[_slope(a, i, j, step) for j in range(3)] for i in range(3)]
        np.testing.assert_allclose(x.grad.numpy(), expected, atol=1e-7)


def _slope(a, i, j, step):
    up, down = a.copy(), a.copy()
    up[i, j] += step
    down[i, j] -= step
    return (np.linalg.det(up) - np.linalg.det(down)) / (2 * step)


def test_a_loss_that_depends_on_the_phase_of_eigenvectors_is_refused():
    a = tensor(hermitian((3, 3), "complex128")).requires_grad_()
    vectors = linalg.eigh(a).eigenvectors
    with pytest.raises(RuntimeError, match="phi"):
        vectors.sum().abs().backward()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda t: linalg.inv(t.zeros(2, 3)), ("linalg.inv", "2 by 3")),
        (lambda t: linalg.inv(t.zeros(3)), ("at least 2 dimensions", "[3]")),
        (lambda t: linalg.det(t.zeros(2, 2, dtype=t.int64)), ("int64", "float()")),
        (lambda t: linalg.qr(t.zeros(2, 2, dtype=t.float16)), ("Low precision", "float16")),
        (lambda t: linalg.solve(t.eye(3), t.zeros(2, 2)), ("3x3", "2x2")),
        (lambda t: linalg.solve(t.eye(3), t.zeros(3, dtype=t.float64)), ("float32", "float64")),
        (lambda t: linalg.norm(t.zeros(2, 2), "bad"), ("bad", "'nuc'")),
        (lambda t: linalg.eigh(t.eye(2), "X"), ("'L' or 'U'",)),
        (lambda t: linalg.multi_dot([t.eye(2)]), ("at least 2",)),
        (lambda t: linalg.cross(t.zeros(2), t.zeros(2)), ("length 3",)),
    ],
)
def test_messages_name_the_function_and_what_came(call, words):
    with pytest.raises(RuntimeError) as caught:
        call(rushlight)
    assert all(w in str(caught.value) for w in words), str(caught.value)


# ---- gradients of two orders, as PyTorch computes them

CALLS = {
    "inv": (lambda t, a: t.linalg.inv(a), "square"),
    "det": (lambda t, a: t.linalg.det(a), "square"),
    "slogdet": (lambda t, a: t.linalg.slogdet(a).logabsdet, "square"),
    "logdet": (lambda t, a: t.logdet(a @ a.mH).real, "square"),
    "solve": (lambda t, a: t.linalg.solve(a, a @ a), "square"),
    "solve_right": (lambda t, a: t.linalg.solve(a, a[..., :2, :], left=False), "square"),
    "triangular": (lambda t, a: t.linalg.solve_triangular(a, a, upper=True), "square"),
    "unitriangular": (
        lambda t, a: t.linalg.solve_triangular(a, a, upper=False, left=False, unitriangular=True),
        "square",
    ),
    "cholesky": (lambda t, a: t.linalg.cholesky(a @ a.mH), "square"),
    "cholesky_inverse": (lambda t, a: t.cholesky_inverse(t.linalg.cholesky(a @ a.mH)), "square"),
    "eigvalsh": (lambda t, a: t.linalg.eigvalsh(a + a.mH), "square"),
    "eigh": (lambda t, a: t.linalg.eigh(a + a.mH).eigenvectors.abs(), "square"),
    "eigvals": (lambda t, a: t.linalg.eigvals(a).abs().sum(-1), "square"),
    "eig": (lambda t, a: t.linalg.eig(a).eigenvectors.abs().sum((-1, -2)), "square"),
    "matrix_exp": (lambda t, a: t.matrix_exp(a), "square"),
    "matrix_power": (lambda t, a: t.linalg.matrix_power(a, -3), "square"),
    "cond": (lambda t, a: t.linalg.cond(a, -2), "square"),
    "svdvals": (lambda t, a: t.linalg.svdvals(a), "any"),
    "svd": (lambda t, a: t.linalg.svd(a, full_matrices=False).U.abs(), "any"),
    "pinv": (lambda t, a: t.linalg.pinv(a), "any"),
    "nuclear": (lambda t, a: t.linalg.matrix_norm(a, "nuc"), "any"),
    "frobenius": (lambda t, a: t.linalg.matrix_norm(a), "any"),
    "qr": (lambda t, a: tuple(t.linalg.qr(a)), "any"),
    "lu": (lambda t, a: tuple(t.linalg.lu(a))[1:], "any"),
    "lu_factor": (lambda t, a: t.linalg.lu_factor(a).LU, "any"),
    "lstsq": (lambda t, a: t.linalg.lstsq(a, a[..., :1]).solution, "any"),
    "householder": (lambda t, a: t.linalg.householder_product(a, a[..., 0, :]), "tall"),
    "ormqr": (lambda t, a: t.ormqr(a, a[..., 0, :], a), "tall"),
    "vander": (lambda t, a: t.linalg.vander(a, N=4), "any"),
    "vecdot": (lambda t, a: t.linalg.vecdot(a, a * a), "any"),
    "kron": (lambda t, a: t.kron(a, a), "any"),
}
KINDS = {"square": [(3, 3), (2, 4, 4)], "any": [(3, 3), (2, 4, 2), (2, 4)], "tall": [(4, 2), (2, 3, 3)]}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CALLS)
def test_gradients_of_two_orders(name, dtype):
    pytest.importorskip("torch")
    from support.against_torch import same

    call, kind = CALLS[name]
    for shape in KINDS[kind]:
        same(call, values(shape, dtype), order=2)


@pytest.mark.parametrize("name", CALLS)
def test_gradients_follow_differences(name):
    """The slope along one random direction, so that gradients are held without PyTorch too."""
    call, kind = CALLS[name]
    shape = KINDS[kind][-1]
    x, direction, step = values(shape), values(shape, seed=1), 1e-6

    def weighed(a):
        parts = call(rushlight, a)
        parts = parts if isinstance(parts, tuple) else (parts,)
        return sum((p * tensor(values(tuple(p.shape), seed=2))).sum() for p in parts)

    leaf = tensor(x.copy()).requires_grad_()
    weighed(leaf).backward()
    up, down = weighed(tensor(x + step * direction)), weighed(tensor(x - step * direction))
    slope = (up - down).item() / (2 * step)
    assert (leaf.grad * tensor(direction)).sum().item() == pytest.approx(slope, rel=1e-5, abs=1e-5)
