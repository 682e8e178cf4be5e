"""Code for other machines than this one compiles, and the loader knows every relocation it needs."""

import collections
import os
import re
from pathlib import Path

import pytest

from fuzz import families
from rushlight import kernels
from rushlight.kernels import Node, input_node
from rushlight.kernels.graph import Graph
from rushlight.runtime import loader, pool_ir
from support.paths import SOURCE, run_python

pytestmark = pytest.mark.skipif(not kernels.available(), reason=kernels.available().reason)
WITH_TESTS = os.pathsep.join([str(SOURCE), str(Path(__file__).parents[1])])
X, Y = input_node(0, "float32"), input_node(1, "float32")


@pytest.fixture(scope="module")
def compile_for_arm():
    binding = pytest.importorskip("llvmlite.binding")
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    triple = "aarch64-unknown-linux-gnu"
    target = binding.Target.from_triple(triple)
    machine = target.create_target_machine(reloc="static", codemodel="small", opt=2)

    def compile(text):
        module = binding.parse_assembly(text)
        module.triple = triple
        module.verify()
        return machine.emit_object(module)

    return compile


def relocate(data):
    anywhere = collections.defaultdict(lambda: 0x7F1234567890)
    image = loader._Image(data, anywhere)
    image._relocate()
    return image


@pytest.mark.parametrize(
    "op", ["add", "exp", "tanh", "sin", "log1p", "erf", "pow", "fmod", "cast", "maximum"]
)
def test_element_wise_kernels(compile_for_arm, op):
    from rushlight.kernels.llvm.elementwise import elementwise_ir

    count = 2 if op in ("add", "pow", "fmod", "maximum") else 1
    node = Node("cast", (X,), "int16") if op == "cast" else Node(op, (X, Y)[:count], "float32")
    assert relocate(compile_for_arm(elementwise_ir(Graph(node), "neon", 16))).machine == "aarch64"


def test_random_numbers(compile_for_arm):
    from rushlight.random.kernels import _generate

    assert relocate(compile_for_arm(_generate())).machine == "aarch64"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_small_layers_and_losses(compile_for_arm, dtype):
    from rushlight.kernels.llvm.linear import linear_ir
    from rushlight.kernels.llvm.small_losses import losses_ir
    from rushlight.kernels.llvm.small_products import small_products_ir

    for text in (linear_ir(dtype, 16), losses_ir(dtype, 16), small_products_ir(dtype, 16)):
        assert relocate(compile_for_arm(text)).machine == "aarch64"


def test_row_and_column_kernels(compile_for_arm):
    from rushlight.kernels.llvm.columns import columns_ir
    from rushlight.kernels.llvm.rows import rows_ir
    from rushlight.kernels.llvm.strips import strips_ir

    e = Node("exp", (Node("sub", (X, Node("amax", (X,), "float32")), "float32"),), "float32")
    softmax = Node("div", (e, Node("sum", (e,), "float32")), "float32")
    relocate(compile_for_arm(rows_ir(Graph(softmax), "neon", 16)))
    relocate(compile_for_arm(rows_ir(Graph(softmax), "neon", 16, in_pieces=True)))
    relocate(compile_for_arm(strips_ir(Graph(softmax), "neon", 16)))
    relocate(compile_for_arm(columns_ir(Graph(Node("sum", (X,), "float32")), "neon", 16)))


@pytest.mark.parametrize("size", [1, 2, 4, 8])
def test_turned_copies(compile_for_arm, size):
    from rushlight.kernels.llvm.copying import turning_ir

    for stream in (False, True):
        relocate(compile_for_arm(turning_ir(size, "neon", 16, stream)))


@pytest.mark.parametrize("mode", ["take", "put", "add", "mul", "max"])
def test_indices(compile_for_arm, mode):
    from rushlight.kernels.llvm.indexing import indexing_ir

    relocate(compile_for_arm(indexing_ir(mode, 16, 7)))


def test_masks(compile_for_arm):
    from rushlight.kernels.llvm.masking import masking_ir

    relocate(compile_for_arm(masking_ir(16, 7)))


def test_searches(compile_for_arm):
    from rushlight.kernels.llvm.searching import searching_ir

    relocate(compile_for_arm(searching_ir(7)))


def test_sorts(compile_for_arm):
    from rushlight.kernels.llvm.sorting import sorting_ir

    relocate(compile_for_arm(sorting_ir(16, 7)))


def test_choices(compile_for_arm):
    from rushlight.kernels.llvm.choosing import choosing_ir

    relocate(compile_for_arm(choosing_ir(16, 7)))


def test_moves(compile_for_arm):
    from rushlight.kernels.llvm.moving import moving_ir

    assert relocate(compile_for_arm(moving_ir(16))).machine == "aarch64"


@pytest.mark.parametrize("columns", [False, True])
def test_scans(compile_for_arm, columns):
    from rushlight.kernels.llvm.scanning import scanning_ir

    for op, dtype in (("add", "float32"), ("max", "float64"), ("min", "int64")):
        relocate(compile_for_arm(scanning_ir(op, dtype, columns, "neon", 16)))


@pytest.mark.parametrize("machine", ["neon", "avx2", "avx512"])
def test_every_family_compiles_for(machine):
    """What `tests/fuzz/families` draw, whatever this machine is; a new family is held to it too."""
    done = run_python("-m", "fuzz.elsewhere", machine, PYTHONPATH=WITH_TESTS, RUSHLIGHT_KERNELS="force")
    assert done.returncode == 0, done.stdout[-200:] + done.stderr[-2000:]
    counts = dict(re.findall(r"^(.+): (\d+) modules$", done.stdout, re.M))
    assert set(counts) == set(families.load())
    assert int(done.stdout.split("\n")[-2].split()[0]) >= len(counts)


def test_pool_and_dispatcher(compile_for_arm):
    from rushlight.kernels.llvm.dispatch import dispatch_ir

    relocate(compile_for_arm(dispatch_ir()))
    relocate(compile_for_arm(pool_ir.pool_ir("aarch64")))
    assert "x86" not in pool_ir.pool_ir("aarch64")


def test_convolutions_and_pools(compile_for_arm):
    from rushlight.kernels.llvm import (
        convolution_few,
        depthwise_blocks,
        depthwise_weight,
        direct,
        direct_weight,
        pooling,
        winograd,
        winograd_weight,
    )

    taps = ((0, 0), (1, 1), (2, 2))
    texts = [
        convolution_few.few_ir("float32", 16),
        convolution_few.few_ir("float64", 16),
        direct.direct_ir("float32", 16, direct.Shape(2, 6, 1, 1, (taps,), 2)),
        direct.direct_ir("float64", 16, direct.Shape(1, 8, 1, 2, (taps[:1], taps[1:]))),
        direct_weight.weight_ir("float32", 16, direct_weight.Shape(4, 1, 3, 1, 1, 2)),
        winograd.winograd_ir(16, winograd.Kind(3), winograd.Tile(12, 2)),
        winograd.winograd_ir(16, winograd.Kind(3, 2, True), winograd.Tile(12, 2)),
        winograd_weight.winograd_weight_ir(16, winograd.Kind(5), 2),
        winograd_weight.winograd_weight_ir(16, winograd.Kind(3, 2), 2),
        pooling.pooling_ir("float32", 16, pooling.Shape("argmax", 3, 3, 2, 1, True)),
        pooling.pooling_ir("float64", 16, pooling.Shape("back", 2, 2, 2, 1, False)),
        pooling.pooling_ir("float32", 16, pooling.Shape("share", 2, 3, 3, 1, False)),
        pooling.scatter_ir("float32", 16),
        depthwise_blocks.depthwise_ir("float32", 16, depthwise_blocks.Shape("turned filter", 3, 3, 1)),
        depthwise_blocks.depthwise_ir("float64", 16, depthwise_blocks.Shape("weight", 3, 5, 2)),
        depthwise_weight.depthwise_weight_ir("float64", 16, pooling.Shape("filter", 3, 3, 2, 1, True)),
    ]
    for text in texts:
        relocate(compile_for_arm(text))


@pytest.mark.parametrize("kind", ["tanh", "gru", "lstm"])
def test_recurrent_layers(compile_for_arm, kind):
    from rushlight.kernels.llvm import recurrent, recurrent_back

    for few in (False, True):
        relocate(compile_for_arm(recurrent.recurrent_ir("float32", 16, kind, False, few)))
        relocate(compile_for_arm(recurrent_back.recurrent_back_ir("float64", 16, kind, True, few)))


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_half_precision(compile_for_arm, name):
    from rushlight.kernels.llvm.elementwise import elementwise_ir

    wide = Node("cast", (input_node(0, name),), "float32")
    node = Node("cast", (Node("exp", (wide,), "float32"),), name)
    assert relocate(compile_for_arm(elementwise_ir(Graph(node), "neon", 16))).machine == "aarch64"


@pytest.mark.parametrize(
    "form", [("bfloat16", "bfloat16", "single"), ("int8", "int32", "integer"), ("int64", "int64", "integer")]
)
def test_products_of_few_bits(compile_for_arm, form):
    from rushlight.kernels.llvm.matmul_halves import Format, matmul_halves_ir

    relocate(compile_for_arm(matmul_halves_ir(Format(*form), 16, 24, 2)))


def test_matrix_products_and_attention(compile_for_arm):
    from rushlight.kernels.llvm import attention, attention_back, attention_few, matmul

    for dtype, vectors in (("float32", 2), ("float64", 1)):
        relocate(compile_for_arm(matmul.matmul_ir(dtype, 16, 24, vectors)))
        relocate(compile_for_arm(attention.attention_ir(dtype, 16, 24)))
        relocate(compile_for_arm(attention_back.attention_back_ir(dtype, 16, 24)))
        relocate(compile_for_arm(attention_few.attention_few_ir(dtype, 16)))


def test_bags_of_rows(compile_for_arm):
    from rushlight.kernels.llvm.bags import bags_ir

    for mode in ("sum", "max"):
        for dtype in ("float32", "float64"):
            relocate(compile_for_arm(bags_ir(mode, dtype, 16)))
