"""Models have torchvision's parameters, initial values and results."""

import hashlib
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import rushlight
from rushlight.vision import models

# name, entries of the state, parameters, hash of keys and shapes: as torchvision has them
FACTS = [line.split() for line in (Path(__file__).parent / "models.txt").read_text().splitlines()]
SMALL = """
    squeezenet1_1 resnet18 resnext50_32x4d densenet121 googlenet mobilenet_v2 mobilenet_v3_small mnasnet0_5
    shufflenet_v2_x0_5 efficientnet_b0 efficientnet_v2_s regnet_y_400mf convnext_tiny swin_t swin_v2_t
"""

OF_PIXELS = {
    name
    for name in models.list_models()
    if models.segmentation.__name__ in models.get_model_builder(name).__module__
}
VIDEOS = {"r3d_18": 32, "mc3_18": 32, "r2plus1d_18": 32, "s3d": 224, "swin3d_t": 64}


def build(library_models, name, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of googlenet and inception: initial values take long
        if name in OF_PIXELS:
            options.setdefault("weights_backbone", None)
        return library_models.get_model(name, **options)


def enliven(library, model):
    """Gives all values of a model some noise: fresh ones are zero in places, which hides mistakes."""
    rng = np.random.default_rng(0)
    state = model.state_dict()
    for key, value in state.items():
        if value.is_floating_point():
            noise = 0.05 * rng.standard_normal(tuple(value.shape)).astype(np.float32)
            state[key] = value + library.from_numpy(np.abs(noise) if "running_var" in key else noise)
    model.load_state_dict(state)


@pytest.mark.parametrize(("name", "entries", "parameters", "digest"), FACTS, ids=lambda v: None)
def test_state_of_every_model(name, entries, parameters, digest):
    with rushlight.device("meta"):
        model = build(models, name)
    state = model.state_dict()
    text = ";".join(f"{key}{tuple(value.shape)}" for key, value in state.items())
    assert len(state) == int(entries)
    assert sum(p.numel() for p in model.parameters()) == int(parameters)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == digest


def test_every_model_is_listed():
    assert sorted(name for name, *_ in FACTS) == models.list_models()
    assert models.list_models(include="resnet*", exclude="*1*") == ["resnet34", "resnet50"]
    assert models.list_models(module=models.vgg)[0] == "vgg11"


@pytest.mark.parametrize("name", SMALL.split())
def test_same_seed_same_weights_same_results(name, real):
    torch = real.torch
    torch.manual_seed(0)
    theirs = build(real.vision.models, name).eval()
    rushlight.manual_seed(0)
    ours = build(models, name).eval()
    assert repr(ours) == repr(theirs)
    state = {key: value.numpy().copy() for key, value in theirs.state_dict().items()}
    for key, value in ours.state_dict().items():
        assert np.array_equal(value.numpy(), state[key]), key
    rng = np.random.default_rng(0)
    enliven(torch, theirs)
    enliven(rushlight, ours)
    x = rng.standard_normal((1, 3, 64, 64)).astype(np.float32)
    with torch.no_grad(), rushlight.no_grad():
        want, got = theirs(torch.from_numpy(x)).numpy(), ours(rushlight.from_numpy(x)).numpy()
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4 * np.abs(want).max())


def outputs(real, name, x, **options):
    """(torchvision's, ours) for one input, of the same seed and then of noisier weights."""
    made = []
    for library, library_models in ((real.torch, real.vision.models), (rushlight, models)):
        library.manual_seed(0)
        model = build(library_models, name, **options).eval()
        state = {key: value.numpy().copy() for key, value in model.state_dict().items()}
        enliven(library, model)
        with library.no_grad():
            made.append((repr(model), state, model(library.from_numpy(x))))
    (shown, want, theirs), (same, got, ours) = made
    assert shown == same
    assert list(want) == list(got)
    assert all(np.array_equal(want[key], got[key]) for key in want)
    return theirs, ours


@pytest.mark.parametrize(
    "name", ["fcn_resnet50", "deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large"]
)
def test_networks_that_name_each_pixel(name, real):
    x = np.random.default_rng(0).standard_normal((1, 3, 48, 40)).astype(np.float32)
    options = {} if name.startswith("lraspp") else {"aux_loss": True}
    theirs, ours = outputs(real, name, x, num_classes=5, **options)
    assert list(theirs) == list(ours)
    for key, want in ((key, value.numpy()) for key, value in theirs.items()):
        assert ours[key].shape == (1, 5, 48, 40)
        np.testing.assert_allclose(ours[key].numpy(), want, rtol=1e-3, atol=1e-3 * np.abs(want).max())


@pytest.mark.parametrize(("name", "size"), VIDEOS.items())
def test_networks_for_videos(name, size, real):
    x = (
        np.random.default_rng(0)
        .standard_normal((1, 3, 14 if name == "s3d" else 8, size, size))
        .astype(np.float32)
    )
    theirs, ours = outputs(real, name, x, num_classes=7)
    np.testing.assert_allclose(
        ours.numpy(), theirs.numpy(), rtol=1e-3, atol=1e-4 * np.abs(theirs.numpy()).max()
    )


def test_maxvit(real):
    x = np.random.default_rng(0).standard_normal((1, 3, 224, 224)).astype(np.float32)
    theirs, ours = outputs(real, "maxvit_t", x, num_classes=7)
    np.testing.assert_allclose(
        ours.numpy(), theirs.numpy(), rtol=1e-3, atol=1e-4 * np.abs(theirs.numpy()).max()
    )
    with pytest.raises(ValueError, match="does not divide"):
        models.maxvit_t(input_size=(200, 200))


def test_videos_are_prepared_as_torchvision_does(real):
    clip = np.random.default_rng(0).integers(0, 256, (4, 3, 60, 70), dtype=np.uint8)
    prepare = [
        library.R3D_18_Weights.DEFAULT.transforms() for library in (real.vision.models.video, models.video)
    ]
    want, got = prepare[0](real.torch.from_numpy(clip)), prepare[1](rushlight.from_numpy(clip))
    assert got.shape == (3, 4, 112, 112)
    almost_same(want, got)
    prepare = [
        library.FCN_ResNet50_Weights.DEFAULT.transforms()
        for library in (real.vision.models.segmentation, models.segmentation)
    ]
    almost_same(prepare[0](real.torch.from_numpy(clip[0])), prepare[1](rushlight.from_numpy(clip[0])))


def almost_same(want, got):
    """Equal, but that one byte in a thousand may have been rounded to the other side."""
    apart = np.abs(want.numpy() - got.numpy())
    assert apart.max() < 0.02
    assert (apart > 1e-4).mean() < 1e-3


def test_vision_transformer(real):
    sizes = {
        "image_size": 32,
        "patch_size": 8,
        "num_layers": 2,
        "num_heads": 2,
        "hidden_dim": 16,
        "mlp_dim": 24,
    }
    results = []
    x = np.random.default_rng(1).standard_normal((2, 3, 32, 32)).astype(np.float32)
    for library, library_models in ((real.torch, real.vision.models), (rushlight, models)):
        library.manual_seed(2)
        model = library_models.VisionTransformer(**sizes, num_classes=5, representation_size=7).eval()
        library.nn.init.normal_(model.heads.head.weight)
        with library.no_grad():
            results.append(model(library.from_numpy(x)).numpy())
    np.testing.assert_allclose(results[1], results[0], rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="32 x 32"):
        model(rushlight.rand(1, 3, 16, 16))


def test_training_of_googlenet_has_side_outputs(real):
    x = np.random.default_rng(1).standard_normal((2, 3, 64, 64)).astype(np.float32)
    results = []
    for library, library_models in ((real.torch, real.vision.models), (rushlight, models)):
        library.manual_seed(2)
        model = library_models.googlenet(num_classes=4, init_weights=False, dropout=0.0, dropout_aux=0.0)
        results.append(model(library.from_numpy(x)))
    assert results[1]._fields == results[0]._fields
    for theirs, ours in zip(*results):
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=2e-3, atol=2e-4)


def test_published_weights_are_where_torchvision_says(real):
    for name in models.list_models():
        theirs = real.vision.models.get_model_weights(name)
        ours = models.get_model_weights(name)
        assert ours.__name__ == theirs.__name__
        assert list(ours.__members__) == list(theirs.__members__)
        for entry in theirs:
            mine = ours[entry.name]
            assert mine.url == entry.url
            assert repr(mine.transforms()) == repr(entry.transforms())
            assert all(entry.meta.get(key) == value for key, value in mine.meta.items())
            assert ours.DEFAULT.name == theirs.DEFAULT.name


def test_weights_come_from_a_checked_file(tmp_path, monkeypatch):
    rushlight.manual_seed(3)
    donor = models.mnasnet0_5()
    file = tmp_path / "donor.pth"
    rushlight.save(donor.state_dict(), file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:8]
    weights = models.MNASNet0_5_Weights.IMAGENET1K_V1
    monkeypatch.setattr(weights.value, "url", f"https://host.invalid/models/mnasnet-{digest}.pth")
    place = tmp_path / "mirror" / "host.invalid" / "models"
    place.mkdir(parents=True)
    file.rename(place / f"mnasnet-{digest}.pth")
    monkeypatch.setenv("RUSHLIGHT_MIRROR", (tmp_path / "mirror").as_uri())
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    model = models.mnasnet0_5(weights="DEFAULT", progress=False)
    assert all(a.equal(b) for a, b in zip(model.parameters(), donor.parameters()))
    assert (tmp_path / "home" / "hub" / "checkpoints" / f"mnasnet-{digest}.pth").exists()
    with pytest.warns(UserWarning, match="old form"):
        assert models.mnasnet0_5(pretrained=True).num_classes == 1000
    with pytest.raises(ValueError, match="num_classes is 1000"):
        models.mnasnet0_5(weights=weights, num_classes=10)
    with pytest.raises(KeyError, match="MNASNet0_5_Weights has IMAGENET1K_V1"):
        models.mnasnet0_5(weights="V7")
    with pytest.raises(TypeError, match="ResNet18"):
        models.mnasnet0_5(weights=models.ResNet18_Weights.DEFAULT)


def test_a_wrong_file_is_not_kept(tmp_path, monkeypatch):
    place = tmp_path / "mirror" / "host.invalid"
    place.mkdir(parents=True)
    (place / "net-0123456789.pth").write_bytes(b"something else")
    from rushlight import hub

    with pytest.raises(RuntimeError, match=re.escape("https://host.invalid/net-0123456789.pth by hand")):
        hub.load_state_dict_from_url(
            "https://host.invalid/net-0123456789.pth",
            str(tmp_path / "cache"),
            progress=False,
            check_hash=True,
            mirror=(tmp_path / "mirror").as_uri(),
        )
    assert list((tmp_path / "cache").iterdir()) == []


def test_old_names_of_weights_are_understood():
    state = models.densenet121().state_dict()
    old = {re.sub(r"(denselayer\d+\.(?:norm|conv))", r"\1.", k): v for k, v in state.items()}
    models.densenet121().load_state_dict(old)
    block = models.vision_transformer.MLPBlock(4, 6, 0.0)
    names = {"0.weight": "linear_1.weight", "0.bias": "linear_1.bias", "3.weight": "linear_2.weight"}
    block.load_state_dict({names.get(k, "linear_2.bias"): v for k, v in block.state_dict().items()})


def test_places_for_larger_pictures(real):
    results = []
    for library, library_models in ((real.torch, real.vision.models), (rushlight, models)):
        places = library.arange(17.0 * 4).reshape(1, 17, 4)
        change = library_models.vision_transformer.interpolate_embeddings
        results.append(change(48, 8, {"encoder.pos_embedding": places})["encoder.pos_embedding"].numpy())
    np.testing.assert_allclose(results[1], results[0], rtol=1e-5)
