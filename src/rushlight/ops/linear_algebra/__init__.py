"""Linear algebra: each module one subject, all made of the operators of `core`."""

from . import (
    cholesky,
    core,
    determinant,
    eigen,
    factorisations,
    householder,
    ldl,
    least_squares,
    lobpcg,
    low_rank,
    lu,
    norms,
    old_names,
    powers,
    solve,
    svd,
)
