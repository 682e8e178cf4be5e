"""Fit the polynomial coefficients of `rushlight.kernels.llvm` vector maths and print them as Python tuples.

    python tools/fit_polynomials.py [NAME ...]

Each entry of FITS is a smooth function, the interval of its argument, the degree and the weight of the
error: the weight turns the error of the polynomial into the relative error of the function that is built on
it.  The fit is the Remez exchange in 60-digit arithmetic, so the printed numbers depend on nothing but this
file (needs mpmath).
"""

from __future__ import annotations

import sys

from mpmath import mp, mpf

mp.dps = 60
LN2_HALF = mp.log(2) / 2 * mpf("1.0005")
QUARTER_TURN = mp.pi / 4 * mpf("1.0005")
TAN_EIGHTH = mp.sqrt(2) - 1


def exp_tail(r):
    """(e**r - 1 - r) / r**2"""
    return mp.nsum(lambda k: r**k / mp.factorial(k + 2), [0, 40]) if r else mpf(1) / 2


def log_tail(f):
    """(log(1 + f) - f + f*f/2) / f**3"""
    return (mp.log1p(f) - f + f * f / 2) / f**3 if abs(f) > mpf("1e-12") else mpf(1) / 3 - f / 4


def atanh_tail(z):
    """(2 atanh(s) / s - 2) / z for z = s*s"""
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) / s - 2) / z if z > mpf("1e-20") else mpf(2) / 3


def odd_tail(function, cubic):
    """(function(x) - x) / x**3 as a function of z = x*x; `cubic` is its value at zero."""

    def value(z):
        x = mp.sqrt(z)
        return (function(x) - x) / (x * z) if z > mpf("1e-20") else mpf(cubic)

    return value


def cos_tail(z):
    """(cos(x) - 1 + z/2) / z**2 for z = x*x"""
    return (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2 if z > mpf("1e-16") else mpf(1) / 24


def erf_ratio(z):
    """erf(x) / x - 1 for z = x*x"""
    x = mp.sqrt(z)
    return mp.erf(x) / x - 1 if z > mpf("1e-30") else 2 / mp.sqrt(mp.pi) - 1


def erfc_log(t):
    return mp.log(mp.erfc(t)) + t


def normal_log(t):
    """log(half of erfc(t / sqrt(2))) + t: how probable it is that a normal variable is above t"""
    return mp.log(mp.erfc(t / mp.sqrt(2)) / 2) + t


def erfcx_log(u):
    """log(exp(t*t) erfc(t) / u) for u = 2 / (2 + t)"""
    t = 2 / u - 2
    return mp.log(mp.erfc(t) / u) + t * t


# name: (function, low, high, degree, weight)
FITS = {
    "EXP_F32": (exp_tail, -LN2_HALF, LN2_HALF, 4, lambda r: r * r + mpf("1e-3")),
    "EXP_SIXTEENTH_F32": (exp_tail, -LN2_HALF / 16, LN2_HALF / 16, 1, lambda r: r * r + mpf("1e-6")),
    "LOG_F32": (log_tail, -mpf(1) / 3, mpf(1) / 3, 8, lambda f: f * f + mpf("1e-3")),
    "TANH_F32": (odd_tail(mp.tanh, -mpf(1) / 3), 0, mpf("0.5625") ** 2, 4, lambda z: z + mpf("1e-4")),
    "ERF_F32": (erf_ratio, 0, mpf("0.93") ** 2, 6, lambda z: 1),
    "ERFC_LOG_F32": (erfc_log, mpf("0.9"), mpf("4.05"), 6, mp.erfc),
    "NORMAL_LOG_F32": (normal_log, 0, mpf("5.6"), 9, lambda t: mp.erfc(t / mp.sqrt(2)) / 2 + mpf("1e-9")),
    "SIN_F32": (odd_tail(mp.sin, -mpf(1) / 6), 0, QUARTER_TURN**2, 3, lambda z: z + mpf("1e-4")),
    "COS_F32": (cos_tail, 0, QUARTER_TURN**2, 2, lambda z: z * z + mpf("1e-4")),
    "EXP_F64": (exp_tail, -LN2_HALF, LN2_HALF, 10, lambda r: r * r + mpf("1e-4")),
    "LOG_F64": (atanh_tail, 0, mpf("0.02965"), 6, lambda z: z + mpf("1e-5")),
    "SIN_F64": (odd_tail(mp.sin, -mpf(1) / 6), 0, QUARTER_TURN**2, 6, lambda z: z + mpf("1e-5")),
    "COS_F64": (cos_tail, 0, QUARTER_TURN**2, 6, lambda z: z * z + mpf("1e-5")),
    "ATAN_F64": (odd_tail(mp.atan, -mpf(1) / 3), 0, TAN_EIGHTH**2, 12, lambda z: z + mpf("1e-5")),
    "ASIN_F64": (odd_tail(mp.asin, mpf(1) / 6), 0, mpf("0.2501"), 12, lambda z: z + mpf("1e-5")),
    # float64 arithmetic for results that are rounded to float32
    "EXP_MEDIUM": (exp_tail, -LN2_HALF, LN2_HALF, 5, lambda r: r * r + mpf("1e-3")),
    "LOG_MEDIUM": (atanh_tail, 0, mpf("0.02965"), 3, lambda z: z + mpf("1e-4")),
    "ATAN_MEDIUM": (odd_tail(mp.atan, -mpf(1) / 3), 0, TAN_EIGHTH**2, 5, lambda z: z + mpf("1e-4")),
    "ASIN_MEDIUM": (odd_tail(mp.asin, mpf(1) / 6), 0, mpf("0.2501"), 5, lambda z: z + mpf("1e-4")),
    "ERFCX_LOG": (erfcx_log, mpf(2) / (mpf("2") + mpf("10.3")), 1, 13, lambda u: 1),
}


def solve_levelled(function, nodes, degree, weight):
    """Coefficients whose weighted error alternates between +e and -e on the nodes, and e."""
    matrix = mp.matrix(degree + 2, degree + 2)
    right = mp.matrix(degree + 2, 1)
    for row, x in enumerate(nodes):
        for column in range(degree + 1):
            matrix[row, column] = x**column
        matrix[row, degree + 1] = (-1) ** row / weight(x)
        right[row] = function(x)
    solution = mp.lu_solve(matrix, right)
    return [solution[k] for k in range(degree + 1)], solution[degree + 1]


def extrema(error, grid):
    """One point of largest error in each run of equal sign."""
    points, best, best_value = [], grid[0], error(grid[0])
    for x in grid[1:]:
        value = error(x)
        if (value < 0) != (best_value < 0):
            points.append(best)
            best, best_value = x, value
        elif abs(value) > abs(best_value):
            best, best_value = x, value
    return [*points, best]


def remez(function, low, high, degree, weight, rounds=8):
    low, high = mpf(low), mpf(high)
    middle, half = (low + high) / 2, (high - low) / 2
    count = degree + 2
    nodes = [middle - half * mp.cos(mp.pi * (2 * k + 1) / (2 * count)) for k in range(count)]
    samples = 60 * count
    grid = [middle - half * mp.cos(mp.pi * k / samples) for k in range(samples + 1)]
    exact = {x: function(x) for x in grid}
    for _ in range(rounds):
        coefficients, _ = solve_levelled(function, nodes, degree, weight)

        def error(x, coefficients=coefficients):
            return (mp.polyval(coefficients[::-1], x) - exact[x]) * weight(x)

        found = extrema(error, grid)
        if len(found) < count:
            break
        start = max(
            range(len(found) - count + 1), key=lambda s: min(abs(error(x)) for x in found[s : s + count])
        )
        nodes = found[start : start + count]
    return coefficients, max(abs(error(x)) for x in grid)


def main(names):
    for name in names or FITS:
        coefficients, worst = remez(*FITS[name])
        print(f"# largest weighted error {mp.nstr(worst, 2)}")
        print(f"{name} = (")
        for value in coefficients:
            print(f"    {float(value)!r},")
        print(")", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
