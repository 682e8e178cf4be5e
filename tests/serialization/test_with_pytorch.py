"""PyTorch loads what we save, and we load what it saves: bit for bit, with memory shared as before."""

import collections
import io
import pickle

import numpy as np
import pytest

import rushlight

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

DTYPES = [
    "bool",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "complex64",
    "complex128",
    "float8_e4m3fn",
    "float8_e5m2",
]
FORMATS = [{}, {"_use_new_zipfile_serialization": False}]
Point = collections.namedtuple("Point", "x y")


def passed(obj, saver, loader, load_options=None, **options):
    """What the one side loads of what the other saves."""
    buffer = io.BytesIO()
    saver.save(obj, buffer, **options)
    buffer.seek(0)
    return loader.load(buffer, **(load_options or {}))


def to_ours(obj, **options):
    return passed(obj, torch, rushlight, **options)


def to_theirs(obj, weights_only=True, **options):
    return passed(obj, rushlight, torch, {"weights_only": weights_only}, **options)


def raw(t):
    """The bytes of a tensor's elements."""
    if isinstance(t, torch.Tensor):
        return t.detach().contiguous().view(-1).view(torch.uint8).numpy().tobytes()
    return np.ascontiguousarray(t._a).tobytes()


def drawn(dtype, n=24):
    """A tensor of PyTorch's with arbitrary bits."""
    kind = getattr(torch, dtype)
    if kind is torch.bool:
        return torch.arange(n) % 3 == 0
    random = np.random.default_rng(7).integers(0, 256, n * kind.itemsize, dtype=np.uint8)
    return torch.from_numpy(random).view(kind)


@pytest.mark.parametrize("options", FORMATS, ids=["zip", "old"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_both_ways(dtype, options):
    untyped = dtype in ("uint16", "uint32", "uint64") or "float8" in dtype
    if options and untyped:
        pytest.skip("PyTorch does not read these in its old format")
    theirs = drawn(dtype)
    ours = to_ours(theirs, **options)
    assert str(ours.dtype) == str(theirs.dtype)
    assert raw(ours) == raw(theirs)
    back = to_theirs(ours, **options)
    assert back.dtype == theirs.dtype
    assert raw(back) == raw(theirs)


@pytest.mark.parametrize("options", FORMATS, ids=["zip", "old"])
def test_views_keep_their_strides_and_their_memory(options):
    base = torch.arange(24.0).view(4, 6)
    views = [base, base[1:, ::2], base.t(), base[2], base.view(-1)[5:9], torch.ones(1).expand(3, 4)]
    ours = to_ours(views, **options)
    for a, b in zip(ours, views):
        assert (tuple(a.shape), a.stride(), a.storage_offset()) == (
            tuple(b.shape),
            b.stride(),
            b.storage_offset(),
        )
        assert a.tolist() == b.tolist()
    ours[0][2, 1] = -5.0
    assert ours[2][1, 2] == ours[3][1] == -5.0
    back = to_theirs(ours, **options)
    back[0][2, 1] = 7.0
    assert back[2][1, 2] == back[3][1] == 7.0
    assert back[1].stride() == views[1].stride()
    assert back[5].untyped_storage().nbytes() == 4


def test_one_memory_under_two_dtypes():
    ours = rushlight.arange(4, dtype=rushlight.int32)
    both = to_theirs([ours, ours.view(rushlight.float32)])
    assert both[1].dtype == torch.float32
    both[0][0] = 0x3F800000
    assert both[1][0] == 1.0


def test_the_whole_memory_is_saved_as_pytorch_does():
    big = rushlight.arange(1000.0)
    assert to_theirs(big[:2]).untyped_storage().nbytes() == 4000
    assert to_theirs(big[:2].clone()).untyped_storage().nbytes() == 8


def test_aliases_are_one_object_afterwards():
    p = torch.nn.Parameter(torch.ones(3))
    ours = to_ours({"a": p, "b": p, "list": [p]})
    assert ours["a"] is ours["b"] is ours["list"][0]
    assert type(ours["a"]) is rushlight.nn.Parameter
    theirs = to_theirs(ours)
    assert theirs["a"] is theirs["b"]
    assert isinstance(theirs["a"], torch.nn.Parameter)


@pytest.mark.parametrize("requires_grad", [True, False])
def test_gradients_are_asked_for_as_before(requires_grad):
    for t in (torch.ones(2, requires_grad=requires_grad), torch.nn.Parameter(torch.ones(2), requires_grad)):
        ours = to_ours(t)
        assert ours.requires_grad is requires_grad
        assert to_theirs(ours).requires_grad is requires_grad
        assert type(to_theirs(ours)) is type(t)


def test_attributes_of_tensors_and_buffers():
    p, b = torch.nn.Parameter(torch.ones(2)), torch.nn.Buffer(torch.ones(1), persistent=False)
    p.note = "kept"
    ours = to_ours([p, b])
    assert ours[0].note == "kept"
    assert isinstance(ours[1], rushlight.nn.Buffer)
    assert ours[1].persistent is False
    theirs = to_theirs(ours)
    assert theirs[0].note == "kept"
    assert isinstance(theirs[1], torch.nn.Buffer)


def test_values_that_are_to_be_read_conjugated_or_negated():
    z = torch.tensor([1 + 2j, 3 - 4j])
    assert to_ours(z.conj()).tolist() == z.conj().tolist()
    assert to_ours(z.conj().imag).tolist() == z.conj().imag.tolist()


def test_tensors_without_data():
    ours = to_ours(torch.empty(3, 4, device="meta", dtype=torch.float16))
    assert ours.is_meta
    assert (tuple(ours.shape), str(ours.dtype)) == ((3, 4), "torch.float16")
    assert to_theirs(ours).is_meta


SMALL = {
    "numbers": [1, -1, 2**70, 1.5, True, None, 3 + 4j],
    "texts": ["", "é\ud800", b"\x00\xff", bytearray(b"ab")],
    "containers": [
        (),
        (1,),
        {1, 2},
        {"a": {"b": []}},
        collections.OrderedDict(a=1),
        collections.Counter("aab"),
    ],
}


@pytest.mark.parametrize("protocol", [1, 2, 3, 4, 5])
def test_plain_values_at_every_protocol(protocol):
    assert (
        to_ours(b"", pickle_protocol=protocol) == b""
    )  # PyTorch itself takes this only with weights_only=False
    assert to_ours(SMALL, pickle_protocol=protocol) == SMALL
    assert to_theirs(SMALL, weights_only=False, pickle_protocol=protocol) == SMALL
    if protocol == 2:
        assert to_theirs(SMALL) == SMALL


def test_values_of_torch():
    theirs = [
        torch.float16,
        torch.Size([2, 3]),
        torch.device("cuda", 1),
        torch.strided,
        torch.nn.functional.gelu,
    ]
    ours = to_ours([*theirs, torch.tanh])
    assert ours[:2] == [rushlight.float16, rushlight.Size([2, 3])]
    assert str(ours[2]) == "cuda:1"
    assert ours[3] is rushlight.strided
    assert ours[4] is rushlight.nn.functional.gelu
    assert ours[5] is rushlight.tanh
    back = to_theirs(ours, weights_only=False)
    assert back[:4] == theirs[:4]
    assert back[5](torch.zeros(1)) == 0


def test_values_of_numpy():
    theirs = [
        np.float32(1.5),
        np.int64(-3),
        np.arange(6).reshape(2, 3).T,
        np.array(["ab", "c"]),
        np.zeros((0, 2)),
    ]
    theirs += [np.dtype(">i4"), np.arange(3, dtype=">i2"), np.bool_(True)]
    for protocol in (2, 5):
        ours = to_ours(theirs, pickle_protocol=protocol)
        for a, b in zip(ours, pickle.loads(pickle.dumps(theirs, protocol))):
            assert type(a) is type(b)
            assert a == b if isinstance(b, np.dtype) else (a.dtype == b.dtype and np.array_equal(a, b))


def test_named_tuples_and_default_dictionaries():
    made = collections.defaultdict(list, a=[1])
    ours = to_ours([Point(1, torch.ones(1)), made, collections.deque([1, 2], 5)])
    assert type(ours[0]) is Point
    assert ours[0].x == 1
    assert ours[1]["new"] == []
    assert ours[2].maxlen == 5
    assert type(to_theirs(ours, weights_only=False)[0]) is Point


def test_a_generator_goes_on():
    g = torch.Generator().manual_seed(5)
    torch.rand(3, generator=g)
    ours = to_ours(g)
    back = to_theirs(ours, weights_only=False)
    expected = torch.rand(4, generator=g).tolist()
    assert rushlight.rand(4, generator=ours).tolist() == expected == torch.rand(4, generator=back).tolist()


def network(lib):
    return lib.nn.Sequential(
        collections.OrderedDict(
            conv=lib.nn.Conv2d(1, 4, 3), norm=lib.nn.BatchNorm2d(4), act=lib.nn.ReLU(), pool=lib.nn.Flatten()
        )
    )


@pytest.mark.parametrize("options", FORMATS, ids=["zip", "old"])
@pytest.mark.filterwarnings("ignore::torch.serialization.SourceChangeWarning")
def test_whole_modules_and_their_state(options):
    x = np.random.default_rng(0).normal(size=(2, 1, 8, 8)).astype(np.float32)
    theirs = network(torch).eval()
    ours = to_ours(theirs, **options)
    assert repr(ours) == repr(theirs)
    a, b = ours(rushlight.from_numpy(x)).detach().numpy(), theirs(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    state = to_ours(theirs.state_dict(), **options)
    assert list(state) == list(theirs.state_dict())
    assert state._metadata == theirs.state_dict()._metadata
    back = to_theirs(ours, weights_only=False, **options)
    assert repr(back) == repr(theirs)
    assert list(vars(back)) == list(vars(theirs))
    assert torch.equal(back(torch.from_numpy(x)), theirs(torch.from_numpy(x)))
    theirs.load_state_dict(to_theirs(ours.state_dict(), **options))


LAYERS = [
    "Linear(2, 3)",
    "LSTM(2, 3, 2)",
    "GRU(2, 3)",
    "MultiheadAttention(4, 2)",
    "Embedding(3, 2)",
    "PReLU()",
]
LAYERS += [
    "TransformerEncoderLayer(4, 2, 8, activation='gelu')",
    "ParameterList([])",
    "ModuleDict()",
    "Identity()",
]
LAYERS += ["CrossEntropyLoss()", "Upsample(scale_factor=2)", "Conv1d(1, 2, 3, padding='same')", "Softmax(1)"]


@pytest.mark.parametrize("made", LAYERS)
def test_a_fresh_layer_has_the_attributes_that_pytorch_expects(made):
    ours, theirs = (eval(f"lib.nn.{made}", {"lib": lib}) for lib in (rushlight, torch))
    back = to_theirs(ours, weights_only=False)
    assert repr(back) == repr(theirs)
    assert set(vars(back)) == set(vars(theirs))
    assert repr(to_ours(theirs)) == repr(ours)


def test_optimiser_states():
    model = torch.nn.Linear(3, 2)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.1)
    model(torch.ones(1, 3)).sum().backward()
    optimiser.step()
    theirs = optimiser.state_dict()
    ours = to_ours({"epoch": 3, "optimiser": theirs})["optimiser"]
    assert ours["param_groups"] == theirs["param_groups"]
    assert ours["state"][0]["exp_avg"].tolist() == theirs["state"][0]["exp_avg"].tolist()
    optimiser.load_state_dict(to_theirs(ours))


def test_whole_optimisers_and_schedulers():
    for lib, other, load in ((torch, rushlight, to_ours), (rushlight, torch, lambda o: to_theirs(o, False))):
        model = lib.nn.Linear(3, 2)
        optimiser = lib.optim.Adam(model.parameters(), lr=0.1)
        schedule = lib.optim.lr_scheduler.MultiStepLR(optimiser, [1, 5])
        model(lib.ones(1, 3)).sum().backward()
        optimiser.step()
        schedule.step()
        new, schedule = load([optimiser, schedule])
        assert type(new) is other.optim.Adam
        assert schedule.optimizer is new
        assert schedule.state_dict()["milestones"] == {1: 1, 5: 1}
        assert abs(new.param_groups[0]["lr"] - 0.01) < 1e-9
        weight = new.param_groups[0]["params"][0]
        weight.grad = other.ones(2, 3)
        before = weight.detach().clone()
        new.step()
        schedule.step()
        assert (weight != before).all()


def test_hooks_travel_when_the_program_allows_them(monkeypatch):
    ours = rushlight.nn.Linear(1, 1)
    ours.register_forward_hook(test_hooks_travel_when_the_program_allows_them)
    with pytest.raises(rushlight.serialization.NotAllowedError, match="add_safe_globals"):
        passed(ours, rushlight, rushlight)
    with rushlight.serialization.safe_globals([test_hooks_travel_when_the_program_allows_them]):
        again = passed(ours, rushlight, rushlight)
    assert len(again._forward_hooks) == 1


def test_the_layout_of_the_archive_is_pytorchs(tmp_path):
    """Apart from the digits of its identity, a file of ours is PyTorch's byte for byte."""
    theirs = {"a": torch.arange(5.0), "b": torch.ones(3, 3, dtype=torch.float64).t()}
    ours = {"a": rushlight.arange(5.0), "b": rushlight.ones(3, 3, dtype=rushlight.float64).t()}
    torch.save(theirs, tmp_path / "x.pt")
    data = (tmp_path / "x.pt").read_bytes()
    rushlight.save(ours, tmp_path / "x.pt")
    mine = (tmp_path / "x.pt").read_bytes()
    assert len(mine) == len(data)
    differing = [i for i, (p, q) in enumerate(zip(mine, data)) if p != q]
    at = data.index(b"x/.data/serialization_id")
    checksums = data.rindex(b"PK\1\2")
    assert all(at < i < at + 180 or checksums < i < checksums + 20 for i in differing)


def test_files_of_the_other_byte_order():
    x = torch.arange(5, dtype=torch.int32)
    buffer = io.BytesIO()
    torch.save(x, buffer)
    data = bytearray(buffer.getvalue())
    at = data.index(b"little")
    data[at : at + 6] = b"big   "  # not a byte order
    with pytest.raises(RuntimeError):
        rushlight.load(io.BytesIO(bytes(data)))


@pytest.mark.parametrize("mapped", [None, True])
def test_files_by_name_and_mapped(tmp_path, mapped):
    path = tmp_path / "netz-é.pt"
    torch.save({"a": torch.arange(1000.0)}, path)
    for name in (path, str(path)):
        assert rushlight.load(name, mmap=mapped)["a"].sum() == 499500
    x = rushlight.load(path, mmap=mapped)["a"]
    x += 1.0
    assert x[0] == 1.0
    assert rushlight.load(path)["a"][0] == 0.0
    rushlight.save({"a": x}, path)
    assert x[1] == 2.0  # a mapped file that is replaced stays where tensors look at it
    assert torch.load(path, mmap=True)["a"][1] == 2.0
    with open(path, "rb") as file:
        assert rushlight.load(file)["a"][1] == 2.0
