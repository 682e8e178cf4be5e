"""Recurrent networks: RNN, LSTM, GRU, and their single steps."""

from __future__ import annotations

import math
from numbers import Number
from typing import Any

from ...ops.operator import OPERATORS
from ...ops.recurrent import one_step, plain_layers
from ...tensor.core import Tensor
from ...tensor.factories import zeros
from ...warned import warn
from .. import init
from ..module import Module
from ..utils.rnn import PackedSequence
from .parts import add_parameters

GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


class RNNBase(Module):
    """Layers and directions of a recurrent network of one kind (`mode`)."""

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        _check_flags(bias, batch_first, dropout, num_layers)
        _check_sizes(input_size, hidden_size, num_layers, proj_size)
        if mode not in GATES:
            raise ValueError(f"Unrecognized RNN mode: {mode}; there are {sorted(GATES)}")
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._all_weights: list[list[str]] = []
        for layer in range(num_layers):
            for direction in ("", "_reverse")[: self._directions]:
                shapes = self._shapes(layer)
                named = {f"{name}_l{layer}{direction}": shape for name, shape in shapes.items()}
                add_parameters(self, device, dtype, **named)
                self._all_weights.append(list(named))
        self._flat_weights_names = [name for names in self._all_weights for name in names]
        self.reset_parameters()

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def _output_size(self) -> int:
        """How many numbers each direction gives at each time."""
        return self.proj_size or self.hidden_size

    def _shapes(self, layer: int) -> dict[str, tuple[int, ...]]:
        rows = GATES[self.mode] * self.hidden_size
        columns = self.input_size if layer == 0 else self._output_size * self._directions
        shapes: dict[str, tuple[int, ...]] = {
            "weight_ih": (rows, columns),
            "weight_hh": (rows, self._output_size),
        }
        if self.bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        return shapes

    def reset_parameters(self) -> None:
        """Draws all weights anew."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    @property
    def _flat_weights(self) -> list[Any]:
        return [getattr(self, name) for name in self._flat_weights_names]

    @property
    def all_weights(self) -> list[list[Any]]:
        """The parameters of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def flatten_parameters(self) -> None:
        """Nothing: on a CPU the weights need not lie in one piece."""

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_flat_weights": self._flat_weights}  # PyTorch keeps them as well

    def __setstate__(self, state: dict) -> None:
        computed = {"_flat_weights", "_flat_weight_refs", "all_weights"}
        state = {"proj_size": 0, **state}
        state.setdefault("_all_weights", state.get("all_weights"))
        super().__setstate__({k: v for k, v in state.items() if k not in computed})
        self._flat_weights_names = [name for names in self._all_weights for name in names]

    # ---- the call

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        found = self._quickly(input, hx)
        if found is not None:
            return found
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, hx)
        if input.dim() not in (2, 3):
            raise ValueError(f"{self._get_name()}: Expected input to be 2D or 3D, got {input.dim()}D instead")
        alone = input.dim() == 2
        time = 0 if not self.batch_first else 1
        if alone:
            input = input.unsqueeze(1 - time)
        batch = input.shape[1 - time]
        self.check_input(input, None)
        if hx is None:
            hx = self._initial(batch, input)
        else:
            hx = self._given(hx, alone)
            self._check_hidden(hx, batch)
        output, hidden = self._run_layers(input, None, hx)
        if alone:
            return output.squeeze(1 - time), self._each(hidden, lambda h: h.squeeze(1))
        return output, hidden

    def _quickly(self, input: Any, hx: Any) -> Any:
        """The result for a plain batch that fits; None for anything else."""
        if self.proj_size:
            return None
        weights, missing = self._flat_weights, (None,) * (1 if self.bias else 3)
        each = 5 - len(missing)
        groups = [(*weights[k : k + each], *missing) for k in range(0, len(weights), each)]
        p = self.dropout if self.training else 0.0
        return plain_layers(self.mode, input, hx, groups, self._directions, p, self.batch_first)

    def _forward_packed(self, packed: PackedSequence, hx: Any) -> tuple[Any, Any]:
        data, batch_sizes, order, back = packed
        batch = int(batch_sizes[0])
        self.check_input(data, batch_sizes)
        if hx is None:
            hx = self._initial(batch, data)
        else:
            hx = self.permute_hidden(hx, order)
            self._check_hidden(hx, batch)
        output, hidden = self._run_layers(data, batch_sizes, hx)
        return PackedSequence(output, batch_sizes, order, back), self.permute_hidden(hidden, back)

    def _run_layers(self, input: Any, batch_sizes: Any, hx: Any) -> tuple[Any, Any]:
        """All layers over all times."""
        call = OPERATORS[self.mode.lower()].call
        options = self.bias, self.num_layers, self.dropout, self.training, self.bidirectional
        if batch_sizes is None:
            output, *hidden = call(input, hx, self._flat_weights, *options, self.batch_first)
        else:
            output, *hidden = call(input, batch_sizes, hx, self._flat_weights, *options)
        return output, (tuple(hidden) if len(hidden) > 1 else hidden[0])

    def _each(self, hidden: Any, change: Any) -> Any:
        return tuple(change(h) for h in hidden) if isinstance(hidden, (tuple, list)) else change(hidden)

    def _initial(self, batch: int, like: Any) -> Any:
        size = self._hidden_shape(batch, self._output_size)
        return zeros(size, dtype=like.dtype, device=like.device)

    def _hidden_shape(self, batch: int, width: int) -> tuple[int, int, int]:
        return self.num_layers * self._directions, batch, width

    def _given(self, hx: Any, alone: bool) -> Any:
        """The hidden state as given, with a dimension for the batch."""
        wanted = 2 if alone else 3
        if hx.dim() != wanted:
            raise RuntimeError(
                f"For {'unbatched 2-D' if alone else 'batched 3-D'} input, hx should also be {wanted}-D but "
                "got "
                f"{hx.dim()}-D tensor"
            )
        return hx.unsqueeze(1) if alone else hx

    def _check_hidden(self, hx: Any, batch: int) -> None:
        self.check_hidden_size(hx, self._hidden_shape(batch, self._output_size))

    def check_input(self, input: Any, batch_sizes: Any) -> None:
        """Raises unless the input fits the weights."""
        weight = self._flat_weights[0]
        if input.dtype is not weight.dtype:
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({weight.dtype}). Convert "
                "input: "
                f"input.to({weight.dtype}), or convert model: model.to({input.dtype})"
            )
        wanted = 3 if batch_sizes is None else 2
        if input.dim() != wanted:
            raise RuntimeError(f"input must have {wanted} dimensions, got {input.dim()}")
        if input.shape[-1] != self.input_size:
            raise RuntimeError(
                "input.size(-1) must be equal to input_size. "
                f"Expected {self.input_size}, got {input.shape[-1]}"
            )

    def get_expected_hidden_size(self, input: Any, batch_sizes: Any) -> tuple[int, int, int]:
        """The shape that the hidden state has for such an input."""
        if batch_sizes is not None:
            batch = int(batch_sizes[0])
        else:
            batch = input.shape[0 if self.batch_first else 1]
        return self._hidden_shape(batch, self._output_size)

    def check_hidden_size(
        self, hx: Any, expected_hidden_size: Any, msg: str = "Expected hidden size {}, got {}"
    ) -> None:
        """Raises unless the hidden state has its shape."""
        if tuple(hx.shape) != tuple(expected_hidden_size):
            raise RuntimeError(msg.format(expected_hidden_size, list(hx.shape)))

    def check_forward_args(self, input: Any, hidden: Any, batch_sizes: Any) -> None:
        """Raises unless input and hidden state fit."""
        self.check_input(input, batch_sizes)
        self._check_hidden(hidden, self.get_expected_hidden_size(input, batch_sizes)[1])

    def permute_hidden(self, hx: Any, permutation: Any) -> Any:
        """The hidden state with its batch in another order."""
        return hx if permutation is None else self._each(hx, lambda h: h.index_select(1, permutation))

    def extra_repr(self) -> str:
        told = [f"{self.input_size}, {self.hidden_size}"]
        usual = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False}
        usual |= {"dropout": 0, "bidirectional": False}
        told += [f"{n}={getattr(self, n)}" for n, value in usual.items() if getattr(self, n) != value]
        return ", ".join(told)


def _check_flags(bias: Any, batch_first: Any, dropout: Any, num_layers: int) -> None:
    if not isinstance(dropout, Number) or isinstance(dropout, bool) or not 0 <= dropout <= 1:  # type: ignore[operator]
        raise ValueError(
            "dropout should be a number in range [0, 1] representing the probability of an element being "
            "zeroed, "
            f"not {dropout!r}"
        )
    if dropout > 0 and num_layers == 1:  # type: ignore[operator]
        warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
            "num_layers "
            f"greater than 1, but got dropout={dropout} and num_layers={num_layers}",
        )
    for name, flag in (("bias", bias), ("batch_first", batch_first)):
        if not isinstance(flag, bool):
            raise TypeError(f"{name} should be of type bool, got: {type(flag).__name__}")


def _check_sizes(input_size: Any, hidden_size: Any, num_layers: int, proj_size: int) -> None:
    for name, size in (("input_size", input_size), ("hidden_size", hidden_size)):
        if not isinstance(size, int):
            raise TypeError(f"{name} should be of type int, got: {type(size).__name__}")
        if size <= 0:
            raise ValueError(f"{name} must be greater than zero, got: {size}")
    if num_layers <= 0:
        raise ValueError(f"num_layers must be greater than zero, got: {num_layers}")
    if proj_size < 0:
        raise ValueError("proj_size should be a positive integer or zero to disable projections")
    if proj_size >= hidden_size:
        raise ValueError(f"proj_size has to be smaller than hidden_size: {proj_size}, {hidden_size}")


def _refuse_projection(kind: str, options: dict[str, Any]) -> None:
    if options.get("proj_size"):
        raise ValueError(
            f"proj_size argument is only supported for LSTM, not {kind}: put a Linear behind it instead"
        )


class RNN(RNNBase):
    """`h = tanh(W_ih x + b_ih + W_hh h + b_hh)` over the times of a sequence."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        *args: Any,
        **kwargs: Any,
    ) -> None:
        _refuse_projection("RNN", kwargs)
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        self.__dict__["nonlinearity"] = nonlinearity
        super().__init__(f"RNN_{nonlinearity.upper()}", input_size, hidden_size, num_layers, *args, **kwargs)


class GRU(RNNBase):
    """Gated recurrent units over the times of a sequence."""

    def __init__(self, input_size: int, hidden_size: int, *args: Any, **kwargs: Any) -> None:
        _refuse_projection("GRU", kwargs)
        super().__init__("GRU", input_size, hidden_size, *args, **kwargs)


class LSTM(RNNBase):
    """Long short-term memory over the times of a sequence; its state is the pair (h, c)."""

    def __init__(self, input_size: int, hidden_size: int, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", input_size, hidden_size, *args, **kwargs)

    def _initial(self, batch: int, like: Any) -> Any:
        cell = zeros(self._hidden_shape(batch, self.hidden_size), dtype=like.dtype, device=like.device)
        return (super()._initial(batch, like) if self.proj_size else cell), cell

    def _given(self, hx: Any, alone: bool) -> Any:
        wanted = 2 if alone else 3
        if isinstance(hx, Tensor):
            kind = IndexError if len(hx) < 2 else RuntimeError
            raise kind(
                f"LSTM: hx is a pair of tensors, (h_0, c_0), but got one tensor of shape {list(hx.shape)}"
            )
        h, c = hx
        if h.dim() != wanted or c.dim() != wanted:
            raise RuntimeError(
                f"For {'unbatched 2-D' if alone else 'batched 3-D'} input, hx and cx should also be "
                f"{wanted}-D but "
                f"got ({h.dim()}-D, {c.dim()}-D) tensors"
            )
        return (h.unsqueeze(1), c.unsqueeze(1)) if alone else (h, c)

    def _check_hidden(self, hx: Any, batch: int) -> None:
        sizes = self._output_size, self.hidden_size
        for i, (state, width) in enumerate(zip(hx, sizes)):
            expected = self._hidden_shape(batch, width)
            self.check_hidden_size(state, expected, f"Expected hidden[{i}] size {{}}, got {{}}")

    def get_expected_cell_size(self, input: Any, batch_sizes: Any) -> tuple[int, int, int]:
        """The shape that the cell state has for such an input."""
        return self._hidden_shape(self.get_expected_hidden_size(input, batch_sizes)[1], self.hidden_size)


# ---- single steps


class RNNCellBase(Module):
    """One step of a recurrent network, with the weights of `num_chunks` gates."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = num_chunks * hidden_size
        biases = (rows,) if bias else None
        add_parameters(
            self,
            device,
            dtype,
            weight_ih=(rows, input_size),
            weight_hh=(rows, hidden_size),
            bias_ih=biases,
            bias_hh=biases,
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws all weights anew."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def extra_repr(self) -> str:
        told = f"{self.input_size}, {self.hidden_size}"
        if self.bias is not True:
            told += f", bias={self.bias}"
        if self.__dict__.get("nonlinearity", "tanh") != "tanh":
            told += f", nonlinearity={self.nonlinearity}"
        return told

    def _step(self, mode: str, input: Any, hx: Any) -> Any:
        """The operator on a batch; a single sample is a batch of one."""
        weights = self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh
        found = one_step(mode, input, hx, weights)
        if found is not None:
            return found
        self._check_dims("input", input)
        alone = input.dim() == 1
        if alone:
            input = input.unsqueeze(0)
        call = OPERATORS[f"{mode.lower()}_cell"].call
        result = call(input, self._state(hx, input, alone), *weights)
        if not alone:
            return result
        return tuple(r.squeeze(0) for r in result) if isinstance(result, tuple) else result.squeeze(0)

    def _state(self, hx: Any, input: Any, alone: bool) -> Any:
        if hx is None:
            return zeros(input.shape[0], self.hidden_size, dtype=input.dtype, device=input.device)
        self._check_dims("hidden", hx)
        return hx.unsqueeze(0) if alone else hx

    def _check_dims(self, what: str, t: Any) -> None:
        if t.dim() not in (1, 2):
            raise ValueError(f"{self._get_name()}: Expected {what} to be 1D or 2D, got {t.dim()}D instead")


class RNNCell(RNNCellBase):
    """One step of an RNN: `tanh(W_ih x + b_ih + W_hh h + b_hh)`."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Any = None) -> Any:
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}; it is 'tanh' or 'relu'")
        return self._step(f"RNN_{self.nonlinearity.upper()}", input, hx)


class GRUCell(RNNCellBase):
    """One step of a GRU."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Any, hx: Any = None) -> Any:
        return self._step("GRU", input, hx)


class LSTMCell(RNNCellBase):
    """One step of an LSTM: the new (h, c)."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Any, hx: Any = None) -> Any:
        return self._step("LSTM", input, hx)

    def _state(self, hx: Any, input: Any, alone: bool) -> Any:
        if hx is None:
            blank = super()._state(None, input, alone)
            return blank, blank
        for i, state in enumerate(hx):
            self._check_dims(f"hx[{i}]", state)
        return tuple(state.unsqueeze(0) for state in hx) if alone else tuple(hx)


__all__ = ["GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "RNNBase", "RNNCell", "RNNCellBase"]
