"""How a graph with reductions is run: what each pass over the data computes, and what it keeps."""

from __future__ import annotations

from . import policy
from .graph import REDUCTIONS, Graph, Node, Unsupported

KEPT_FROM = 100  # picoseconds: what costs more is kept for later passes instead of being computed again


class Plan:
    """Which pass computes what."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.stage: dict[int, int] = {}  # reductions that lie before a node
        self.per_row: dict[int, bool] = {}  # one number a row
        for node in graph.nodes:
            self._place(node)
        self.full_outputs = [k for k, n in enumerate(graph.outputs) if not self.per_row[id(n)]]
        stored = [self.stage[id(graph.outputs[k])] + 1 for k in self.full_outputs]
        self.passes = max([*stored, *(self.stage[id(n)] for n in graph.nodes if n.op in REDUCTIONS)])
        self.kept: list[Node] = []
        for number in range(1, self.passes):
            self._keep_for(number)

    def _place(self, node: Node) -> None:
        arguments = [arg for arg in node.args if isinstance(arg, Node)]
        before = max((self.stage[id(arg)] for arg in arguments), default=0)
        if node.op in REDUCTIONS:
            self.stage[id(node)], self.per_row[id(node)] = before + 1, True
        else:
            self.stage[id(node)] = before
            self.per_row[id(node)] = node.op != "input" and all(self.per_row[id(arg)] for arg in arguments)

    def reductions(self, number: int) -> list[Node]:
        return [n for n in self.graph.nodes if n.op in REDUCTIONS and self.stage[id(n)] == number + 1]

    def wanted(self, number: int) -> list[Node]:
        """The element-by-element values that pass `number` is for."""
        wanted = [n.args[0] for n in self.reductions(number)]
        if number == self.passes - 1:
            wanted += [self.graph.outputs[k] for k in self.full_outputs]
        return [node for node in wanted if not self.per_row[id(node)]]

    def computed(self, number: int) -> list[Node]:
        """The element-by-element nodes of a pass, in order."""
        needed: set[int] = set()
        pending = list(self.wanted(number))
        while pending:
            node = pending.pop()
            if id(node) in needed or self.per_row[id(node)]:
                continue
            needed.add(id(node))
            if not self._is_kept_before(node, number):
                pending += [arg for arg in node.args if isinstance(arg, Node)]
        return [node for node in self.graph.nodes if id(node) in needed]

    def cost(self, number: int) -> int:
        """A rough number of picoseconds that a pass computes for one element."""
        done = [node for node in self.computed(number) if not self._is_kept_before(node, number)]
        return policy.element_cost(done, 0, 64)

    def _is_kept_before(self, node: Node, number: int) -> bool:
        return node in self.kept and self.stage[id(node)] < number

    def _keep_for(self, number: int) -> None:
        """Keep the expensive nodes that pass `number` would compute for the second time."""
        earlier = {id(node) for k in range(number) for node in self.computed(k)}
        for node in self.computed(number):
            again = id(node) in earlier and not self._is_kept_before(node, number)
            if again and policy.COSTS.get(node.op, 0) >= KEPT_FROM:
                self.kept.append(node)

    def row_nodes(self, number: int) -> list[Node]:
        """The numbers of a row that are known before pass `number`, reductions excepted."""
        return [n for n in self.graph.nodes if self._is_row_value(n) and self.stage[id(n)] == number]

    def _is_row_value(self, node: Node) -> bool:
        return self.per_row[id(node)] and node.op not in REDUCTIONS


def one_pass(graph: Graph) -> Plan:
    """The plan of a graph that a column kernel can run; `Unsupported` for others."""
    plan = Plan(graph)
    if plan.full_outputs or plan.passes != 1:
        raise Unsupported("a column kernel makes one pass, and its outputs are one row")
    return plan
