"""Hyper-parameters, and the results that they led to."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from typing import Any

from . import messages as m
from .messages import metadata, summary
from .protobuf import entries
from .values import to_number


def hparams(
    hparam_dict: Mapping[str, Any],
    metric_dict: Mapping[str, Any],
    hparam_domain_discrete: Mapping[str, Sequence[Any]] | None = None,
) -> tuple[bytes, bytes, bytes]:
    """Three summaries: what there is to compare, the start of this run with its values, and its end."""
    for name, given in (("hparam_dict", hparam_dict), ("metric_dict", metric_dict)):
        if not isinstance(given, Mapping):
            raise TypeError(f"{name} is a dictionary from names to values, not {type(given).__name__}")
    values = {name: plain(value) for name, value in hparam_dict.items()}
    domains = hparam_domain_discrete or {}
    if unknown := sorted(set(domains) - set(values)):
        raise ValueError(f"hparam_domain_discrete names {unknown}, which hparam_dict does not have")
    experiment = m.Experiment(
        hparam_infos=[info(name, value, domains.get(name)) for name, value in values.items()],
        metric_infos=[m.MetricInfo(name=m.MetricName(tag=tag)) for tag in metric_dict],
    )
    start = m.SessionStart(hparams=entries({name: variant(value) for name, value in values.items()}))
    end = m.SessionEnd(status=m.STATUS_SUCCESS)
    return (
        part("experiment", experiment=experiment),
        part("session_start_info", session_start_info=start),
        part("session_end_info", session_end_info=end),
    )


def part(name: str, **content: bytes) -> bytes:
    """One of the three summaries."""
    plugin = metadata("hparams", m.HParams(**content))
    return summary(f"_hparams_/{name}", metadata=plugin)


def plain(value: Any) -> bool | float | str:
    """A hyper-parameter as Python's own value."""
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, numbers.Real) or hasattr(value, "item"):
        return to_number(value)
    raise TypeError(
        "a hyper-parameter is a bool, a number, a string or a tensor with one element, not "
        f"{type(value).__name__} ({value!r:.60}); str(value) shows it as text"
    )


def info(name: str, value: Any, domain: Sequence[Any] | None) -> bytes:
    """The kind of a hyper-parameter, and the values it can have."""
    choices = None if domain is None else m.VariantList(values=[variant(plain(each)) for each in domain])
    return m.HParamInfo(name=name, type=kind(value), domain_discrete=choices)


def kind(value: Any) -> int:
    if isinstance(value, bool):
        return m.HPARAM_BOOL
    return m.HPARAM_STRING if isinstance(value, str) else m.HPARAM_NUMBER


def variant(value: Any) -> bytes:
    """A value of any of the three kinds."""
    if isinstance(value, bool):
        return m.Variant(bool_value=value)
    return m.Variant(string_value=value) if isinstance(value, str) else m.Variant(number_value=value)
