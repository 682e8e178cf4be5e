"""Special functions against numbers known to more digits than float64 has (computed with 40 digits)."""

from __future__ import annotations

import math

import pytest

import rushlight as torch

KNOWN = {
    "erf": {
        1e-10: 1.1283791670955126e-10,
        0.3: 0.3286267594591274,
        0.999: 0.8422852702064969,
        1.001: 0.8431154854780762,
        2.5: 0.999593047982555,
        -4: -0.9999999845827421,
    },
    "erfc": {
        0.2: 0.7772974107895215,
        0.6: 0.3961439091520741,
        3: 2.209049699858544e-05,
        10: 2.088487583762545e-45,
        26: 5.663192408856143e-296,
        -2: 1.9953222650189528,
    },
    "special.erfcx": {
        0: 1.0,
        0.1: 0.8964569799691267,
        1: 0.427583576155807,
        7: 0.07980005432915294,
        100: 0.005641613782989433,
        -3: 16205.988853999586,
    },
    "erfinv": {
        1e-09: 8.86226925452758e-10,
        0.3: 0.2724627147267543,
        -0.75: -0.8134198475976185,
        0.999999: 3.458910737275499,
    },
    "special.ndtr": {
        -30: 4.906713927148187e-198,
        -3: 0.0013498980316300946,
        0.5: 0.6914624612740131,
        2: 0.9772498680518208,
    },
    "special.log_ndtr": {
        -50: -1254.8313611394199,
        -1.5: -2.7059444008238898,
        0.3: -0.4814101615884812,
        6: -9.865876455243758e-10,
    },
    "special.ndtri": {
        0.001: -3.0902323061678136,
        0.2: -0.8416212335729142,
        0.5001: 0.00025066283008800747,
        0.97: 1.8807936081512506,
    },
    "lgamma": {
        1e-05: 11.512919692895826,
        0.7: 0.26086724653166654,
        1.00001: -5.7720744027504825e-06,
        1.99999: -4.227811104241674e-06,
        2.5: 0.2846828704729192,
        7.9: 8.32426586800881,
        8.1: 8.72738826343204,
        1000: 5905.220423209181,
    },
    "digamma": {
        0.01: -100.56088545786868,
        1: -0.5772156649015329,
        2.5: 0.7031566406452432,
        50: 3.901989673427892,
        -0.3: 2.113309779635399,
    },
    "i0": {
        0.1: 1.0025015629340956,
        5: 27.239871823604446,
        7.99: 423.5842036746737,
        8.01: 431.5817860520924,
        60: 5.894077055609801e24,
    },
    "special.i1": {
        0.1: 0.050062526047092694,
        5: 24.335642142450528,
        7.99: 396.1152262074013,
        8.01: 403.6669399977041,
        60: 5.844751588390468e24,
    },
    "special.modified_bessel_k0": {
        0.01: 4.721244730161095,
        1.99: 0.1153017675517768,
        2.01: 0.11250436099872804,
        30: 2.1324774964630563e-14,
    },
    "special.modified_bessel_k1": {
        0.01: 99.97389411829624,
        1.99: 0.14171756162240132,
        2.01: 0.1380408773192077,
        30: 2.1677320018915495e-14,
    },
    "special.bessel_j0": {
        0.1: 0.99750156206604,
        4.99: -0.1808669025116955,
        5.01: -0.17431543205674924,
        40: 0.00736689058423729,
    },
    "special.bessel_j1": {
        0.1: 0.049937526036242,
        4.99: -0.32644149050101634,
        5.01: -0.32868309571784987,
        40: 0.126038318037585,
    },
    "special.bessel_y0": {
        0.1: -1.5342386513503667,
        4.99: -0.30702210182564704,
        5.01: -0.30997933991664645,
        40: 0.12593641705826092,
    },
    "special.bessel_y1": {
        0.1: -6.4589510947020266,
        4.99: 0.15124027548614782,
        5.01: 0.14447857825491056,
        40: -0.005793505821549633,
    },
    "special.airy_ai": {
        -30: -0.08796818845684216,
        -4.01: -0.06234571058146581,
        -3.99: -0.07815725135845715,
        0: 0.3550280538878172,
        1.99: 0.035458538570668385,
        2.01: 0.034396707129894226,
        8: 4.6922076160992316e-08,
    },
}
KNOWN_PAIRS = {
    "special.zeta": {
        (2, 1): 1.6449340668482264,
        (1.5, 0.1): 34.0529755150756,
        (30, 2.5): 1.1529691685630237e-12,
        (3, 1000): 5.005002499999166e-07,
    },
    "igamma": {
        (0.5, 0.2): 0.4729107431344619,
        (3, 10): 0.9972306042844884,
        (150, 140): 0.20954362391860706,
        (250, 260): 0.7406105173923527,
    },
    "igammac": {
        (0.5, 0.2): 0.5270892568655381,
        (3, 10): 0.002769395715511576,
        (150, 160): 0.20437381176567754,
        (1e-07, 0.5): 5.597736241141368e-08,
    },
}


def function(name):
    return getattr(torch.special, name[8:]) if name.startswith("special.") else getattr(torch, name)


@pytest.mark.parametrize("name", KNOWN)
def test_known_values(name):
    arguments, expected = zip(*KNOWN[name].items())
    results = function(name)(torch.tensor(arguments, dtype=torch.float64)).tolist()
    assert results == pytest.approx(expected, rel=2e-13, abs=1e-14)


@pytest.mark.parametrize("name", KNOWN_PAIRS)
def test_known_values_of_two_arguments(name):
    pairs, expected = zip(*KNOWN_PAIRS[name].items())
    first, second = (torch.tensor(side, dtype=torch.float64) for side in zip(*pairs))
    assert function(name)(first, second).tolist() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", KNOWN)
def test_single_precision_is_double_rounded(name):
    x = torch.tensor(list(KNOWN[name]), dtype=torch.float32)
    exact = function(name)(x.double()).tolist()
    assert function(name)(x).tolist() == pytest.approx(exact, rel=3e-7, abs=1e-37)


def test_polygamma_on_both_sides_of_zero():
    x = torch.tensor([0.5, -0.5, -3.25], dtype=torch.float64)
    assert torch.polygamma(1, x)[:2].tolist() == pytest.approx([math.pi**2 / 2, math.pi**2 / 2 + 4])
    step = 1e-5
    slope = (torch.polygamma(1, x + step) - torch.polygamma(1, x - step)) / (2 * step)
    assert torch.polygamma(2, x).tolist() == pytest.approx(slope.tolist(), rel=1e-5)
    with pytest.raises(RuntimeError, match="negative n"):
        torch.polygamma(-1, x)


def test_polynomials_are_the_textbook_ones():
    x = torch.tensor([-0.7, 0.2, 1.5], dtype=torch.float64)
    expected = {
        "chebyshev_polynomial_t": 4 * x**3 - 3 * x,
        "chebyshev_polynomial_u": 8 * x**3 - 4 * x,
        "chebyshev_polynomial_v": 8 * x**3 - 4 * x**2 - 4 * x + 1,
        "chebyshev_polynomial_w": 8 * x**3 + 4 * x**2 - 4 * x - 1,
        "hermite_polynomial_h": 8 * x**3 - 12 * x,
        "hermite_polynomial_he": x**3 - 3 * x,
        "laguerre_polynomial_l": (-(x**3) + 9 * x**2 - 18 * x + 6) / 6,
        "legendre_polynomial_p": (5 * x**3 - 3 * x) / 2,
    }
    for name, values in expected.items():
        polynomial = getattr(torch.special, name)
        assert polynomial(x, 3).tolist() == pytest.approx(values.tolist()), name
        assert polynomial(x, torch.tensor([0.0, -1.0, 0.0], dtype=torch.float64)).tolist() == [1, 0, 1]
    shifted = torch.special.shifted_chebyshev_polynomial_t(x, 3)
    assert shifted.tolist() == pytest.approx(torch.special.chebyshev_polynomial_t(2 * x - 1, 3).tolist())


def test_gradients_follow_from_the_functions():
    step = 1e-6
    for name, at in (
        ("special.i0e", 3.0),
        ("special.i1e", -9.0),
        ("digamma", -1.3),
        ("special.log_ndtr", -40.0),
        ("special.erfcx", 2.0),
    ):
        x = torch.tensor([at], dtype=torch.float64, requires_grad=True)
        function(name)(x).backward()
        with torch.no_grad():
            slope = (function(name)(x + step) - function(name)(x - step)) / (2 * step)
        assert x.grad.item() == pytest.approx(slope.item(), rel=1e-5), name
