"""Generated kernels: a graph of element-wise primitives in, a fast Python callable out.

    from rushlight import kernels

    x = kernels.input_node(0, "float32")
    body = kernels.Node("mul", (x, kernels.Node("sigmoid", (x,), "float32")), "float32")
    if kernels.supports(body):
        silu = kernels.elementwise(body, name="silu")
        silu(out, array)

numpy is the meaning of every primitive; kernels are its optimisation, and `policy` says when they pay.
"""

from ..runtime.session import Unavailable, available
from . import policy
from .graph import REDUCTIONS, Graph, Node, Unsupported, input_node, length_node, scalar_node
from .kernel import Kernel, columnwise, elementwise, planewise, rowwise, stripwise, supports, why_not

__all__ = [
    "REDUCTIONS",
    "Graph",
    "Kernel",
    "Node",
    "Unavailable",
    "Unsupported",
    "available",
    "columnwise",
    "elementwise",
    "input_node",
    "length_node",
    "planewise",
    "policy",
    "rowwise",
    "scalar_node",
    "stripwise",
    "supports",
    "why_not",
]
