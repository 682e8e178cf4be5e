"""Boxes, regions and layers: against torchvision, or plain loops where its build lacks the operator."""

import itertools
import math

import numpy as np
import pytest

import rushlight
from rushlight.vision import ops


def boxes_of(seed, count, size=30.0):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, size, (count, 2, 2))
    return np.concatenate([corners.min(1), corners.max(1) + 0.5], axis=1).astype(np.float32)


def both(real, call):
    results = []
    for library, module in ((real.torch, real.vision.ops), (rushlight, ops)):
        results.append(call(module, lambda a, library=library: library.from_numpy(np.array(a))))
    return [r.numpy() for r in results]


PAIRWISE = ["box_iou", "generalized_box_iou", "distance_box_iou", "complete_box_iou"]
LOSSES = ["generalized_box_iou_loss", "distance_box_iou_loss", "complete_box_iou_loss"]


@pytest.mark.parametrize("name", PAIRWISE)
@pytest.mark.parametrize("kind", ["float32", "float64", "int64"])
def test_overlaps(name, kind, real):
    one, two = boxes_of(1, 6).astype(kind), boxes_of(2, 4).astype(kind)
    two[0] = one[0]
    want, got = both(real, lambda module, tensor: getattr(module, name)(tensor(one), tensor(two)))
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_losses_of_boxes_and_their_gradients(name, reduction, real):
    results = []
    for library, module in ((real.torch, real.vision.ops), (rushlight, ops)):
        one = library.from_numpy(boxes_of(1, 6)).double().requires_grad_()
        two = library.from_numpy(boxes_of(2, 6)).double()
        loss = getattr(module, name)(one, two, reduction=reduction)
        loss.sum().backward()
        results.append((loss.detach().numpy(), one.grad.numpy()))
    for want, got in zip(*results):
        np.testing.assert_allclose(got, want, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("formats", [*itertools.product(("xyxy", "xywh", "cxcywh"), repeat=2)])
def test_box_convert(formats, real):
    want, got = both(real, lambda module, tensor: module.box_convert(tensor(boxes_of(3, 5)), *formats))
    np.testing.assert_allclose(got, want, rtol=1e-6)


def test_areas_clips_and_masks(real):
    boxes = boxes_of(4, 7)
    masks = np.random.default_rng(1).random((4, 9, 8)) > 0.9
    for call in (
        lambda m, t: m.box_area(t(boxes)),
        lambda m, t: m.clip_boxes_to_image(t(boxes), (20, 15)),
        lambda m, t: m.remove_small_boxes(t(boxes), 5.0),
        lambda m, t: m.masks_to_boxes(t(masks)),
    ):
        want, got = both(real, call)
        np.testing.assert_allclose(got, want, rtol=1e-6)


def kept_by_loops(boxes, scores, groups, threshold):
    order = sorted(range(len(boxes)), key=lambda i: -scores[i])
    kept = []
    for i in order:
        if all(groups[i] != groups[j] or overlap(boxes[i], boxes[j]) <= threshold for j in kept):
            kept.append(i)
    return kept


def overlap(a, b):
    sides = [min(a[2 + i], b[2 + i]) - max(a[i], b[i]) for i in (0, 1)]
    common = max(sides[0], 0) * max(sides[1], 0)
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.9])
def test_nms(threshold):
    boxes = boxes_of(5, 60)
    rng = np.random.default_rng(1)
    scores, groups = rng.random(60).astype(np.float32), rng.integers(0, 3, 60)
    tensors = [rushlight.from_numpy(a) for a in (boxes, scores, groups)]
    assert ops.nms(*tensors[:2], threshold).tolist() == kept_by_loops(boxes, scores, [0] * 60, threshold)
    assert ops.batched_nms(*tensors, threshold).tolist() == kept_by_loops(boxes, scores, groups, threshold)
    assert ops.nms(rushlight.zeros(0, 4), rushlight.zeros(0), 0.5).tolist() == []
    with pytest.raises(RuntimeError, match=r"\[N, 4\]"):
        ops.nms(rushlight.zeros(3, 5), rushlight.zeros(3), 0.5)


def sample(channel, y, x):
    """A bilinear sample with the rules at the border that the operator has."""
    height, width = channel.shape
    if y < -1 or y > height or x < -1 or x > width:
        return 0.0
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    dy, dx = y - top, x - left
    above = channel[top, left] * (1 - dx) + channel[top, right] * dx
    below = channel[bottom, left] * (1 - dx) + channel[bottom, right] * dx
    return above * (1 - dy) + below * dy


def aligned_by_loops(features, rows, size, scale, ratio, aligned):
    result = np.zeros((len(rows), features.shape[1], *size))
    for k, (picture, x1, y1, x2, y2) in enumerate(rows):
        shift = 0.5 if aligned else 0.0
        left, top = x1 * scale - shift, y1 * scale - shift
        wide, high = (x2 - x1) * scale, (y2 - y1) * scale
        if not aligned:
            wide, high = max(wide, 1.0), max(high, 1.0)
        ny = ratio if ratio > 0 else math.ceil(high / size[0])
        nx = ratio if ratio > 0 else math.ceil(wide / size[1])
        for c, i, j in itertools.product(range(features.shape[1]), range(size[0]), range(size[1])):
            values = [
                sample(
                    features[int(picture), c],
                    top + (i + (a + 0.5) / ny) * high / size[0],
                    left + (j + (b + 0.5) / nx) * wide / size[1],
                )
                for a in range(ny)
                for b in range(nx)
            ]
            result[k, c, i, j] = sum(values) / len(values)
    return result


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("ratio", [-1, 2])
def test_roi_align(aligned, ratio):
    features = np.random.default_rng(1).standard_normal((2, 3, 10, 12))
    rows = np.column_stack([[1, 0, 1, 0], boxes_of(6, 4, 22.0)]).astype(np.float64)
    rows[3, 1:] = [-8, -8, 30, 31]
    x = rushlight.from_numpy(features).requires_grad_()
    got = ops.roi_align(x, rushlight.from_numpy(rows), (3, 2), 0.5, ratio, aligned)
    want = aligned_by_loops(features, rows, (3, 2), 0.5, ratio, aligned)
    np.testing.assert_allclose(got.detach().numpy(), want, atol=1e-10)
    got.sum().backward()
    assert float(x.grad.sum()) > 0
    lists = [rushlight.from_numpy(rows[rows[:, 0] == i, 1:]) for i in (0, 1)]
    again = ops.RoIAlign((3, 2), 0.5, ratio, aligned)(x, lists)
    np.testing.assert_allclose(again.detach().numpy(), want[[1, 3, 0, 2]], atol=1e-10)


def test_roi_pool():
    features = np.random.default_rng(1).standard_normal((2, 3, 10, 12))
    x = rushlight.from_numpy(features).requires_grad_()
    got = ops.roi_pool(x, rushlight.tensor([[1.0, 0, 0, 11, 9], [0.0, 2, 2, 5, 5]]), (2, 2))
    want = features[1].reshape(3, 2, 5, 2, 6).max((2, 4))
    np.testing.assert_allclose(got[0].detach().numpy(), want)
    np.testing.assert_allclose(
        got[1].detach().numpy(), features[0][:, 2:6, 2:6].reshape(3, 2, 2, 2, 2).max((2, 4))
    )
    got.sum().backward()
    assert float(x.grad.sum()) == 24.0


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("alpha", [0.25, -1])
def test_focal_loss(reduction, alpha, real):
    rng = np.random.default_rng(1)
    logits, targets = rng.standard_normal((4, 5)), (rng.random((4, 5)) > 0.5).astype(np.float64)
    want, got = both(real, lambda m, t: m.sigmoid_focal_loss(t(logits), t(targets), alpha, 1.5, reduction))
    np.testing.assert_allclose(got, want, rtol=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda m, nn: m.Conv2dNormActivation(
            4, 6, (3, 5), dilation=2, activation_layer=nn.GELU, inplace=None
        ),
        lambda m, nn: m.Conv3dNormActivation(4, 6, 3, norm_layer=None),
        lambda m, nn: m.SqueezeExcitation(4, 2),
        lambda m, nn: m.MLP(5, [6, 7], norm_layer=nn.LayerNorm, dropout=0.3),
        lambda m, nn: m.Permute([1, 0, 2, 3]),
        lambda m, nn: m.FrozenBatchNorm2d(4),
        lambda m, nn: m.StochasticDepth(0.4, "row"),
        lambda m, nn: m.StochasticDepth(0.4, "batch"),
    ],
)
def test_layers(make, real):
    results = []
    values = np.random.default_rng(2).standard_normal((3, 4, 7, 5)).astype(np.float32)
    for library, module in ((real.torch, real.vision.ops), (rushlight, ops)):
        library.manual_seed(1)
        layer = make(module, library.nn)
        x = library.from_numpy(values)
        result = layer(x[:, :, None].expand(-1, -1, 3, -1, -1) if "Conv3d" in repr(layer) else x)
        results.append((repr(layer), list(layer.state_dict()), result.detach().numpy()))
    want, got = results
    assert want[:2] == got[:2]
    np.testing.assert_allclose(got[2], want[2], rtol=1e-4, atol=1e-5)


def convolved_by_loops(input, offset, weight, stride, padding, dilation, mask):
    """Each tap looks between four pixels; those outside of the input are 0."""
    batch, channels, height, width = input.shape
    out_channels, per_group, kh, kw = weight.shape
    taps, groups = kh * kw, offset.shape[1] // (2 * kh * kw)
    result = np.zeros((batch, out_channels, *offset.shape[2:]))

    def pixel(n, c, y, x):
        return input[n, c, y, x] if 0 <= y < height and 0 <= x < width else 0.0

    for n, o, i, j in np.ndindex(*result.shape):
        for k, (r, s) in enumerate(np.ndindex(kh, kw)):
            for c in range(per_group):
                channel = o // (out_channels // (channels // per_group)) * per_group + c
                place = channel // (channels // groups) * taps + k
                y = i * stride[0] - padding[0] + r * dilation[0] + offset[n, 2 * place, i, j]
                x = j * stride[1] - padding[1] + s * dilation[1] + offset[n, 2 * place + 1, i, j]
                top, left = math.floor(y), math.floor(x)
                value = sum(
                    (1 - abs(y - a)) * (1 - abs(x - b)) * pixel(n, channel, a, b)
                    for a in (top, top + 1)
                    for b in (left, left + 1)
                )
                result[n, o, i, j] += weight[o, c, r, s] * value * mask[n, place, i, j]
    return result


@pytest.mark.parametrize("groups", [1, 2])
def test_deform_conv2d(groups):
    rng = np.random.default_rng(groups)
    stride, padding, dilation = (2, 1), (1, 0), (1, 2)
    input, weight = rng.standard_normal((2, 4, 6, 7)), rng.standard_normal((6, 4 // groups, 3, 2))
    size = (3, 5)
    offset = 2 * rng.standard_normal((2, 2 * groups * 6, *size))
    mask = rng.random((2, groups * 6, *size))
    want = convolved_by_loops(input, offset, weight, stride, padding, dilation, mask)
    given = [rushlight.from_numpy(a).requires_grad_() for a in (input, offset, weight, mask)]
    options = {"stride": stride, "padding": padding, "dilation": dilation}

    def run(x, moves, taps, weights):
        return ops.deform_conv2d(x, moves, taps, mask=weights, **options)

    np.testing.assert_allclose(run(*given).detach().numpy(), want, rtol=1e-9, atol=1e-10)
    assert rushlight.autograd.gradcheck(run, given)
    layer = ops.DeformConv2d(4, 6, 3, padding=1, groups=2)
    plain = rushlight.nn.functional.conv2d(
        rushlight.rand(1, 4, 5, 5), layer.weight, layer.bias, padding=1, groups=2
    )
    rushlight.manual_seed(1)
    x = rushlight.rand(1, 4, 5, 5)
    want = rushlight.nn.functional.conv2d(x, layer.weight, layer.bias, padding=1, groups=2)
    got = layer(x, rushlight.zeros(1, 18, *plain.shape[2:]))
    assert (got - want).abs().max() < 1e-5
    with pytest.raises(RuntimeError, match="offset"):
        layer(x, rushlight.zeros(1, 18, 4, 4))


def test_deform_conv2d_module_is_torchvision_s(real):
    states = []
    for library, module in ((real.torch, real.vision.ops), (rushlight, ops)):
        library.manual_seed(3)
        layer = module.DeformConv2d(4, 6, (3, 2), stride=2, dilation=2, groups=2)
        states.append((repr(layer), [p.detach().numpy() for p in layer.parameters()]))
    assert states[0][0] == states[1][0]
    assert all(np.array_equal(a, b) for a, b in zip(states[0][1], states[1][1]))


def test_cells_with_channels_of_their_own():
    rng = np.random.default_rng(3)
    maps = rng.standard_normal((2, 3 * 6, 9, 8))
    rows = np.array([[0, 1.2, 0.5, 6.4, 7.7], [1, 2, 2, 2.3, 2.2], [1, -1, 3, 9, 12]])
    pooled = ops.ps_roi_pool(rushlight.from_numpy(maps), rushlight.from_numpy(rows), (2, 3), 0.9).numpy()
    aligned = ops.ps_roi_align(rushlight.from_numpy(maps), rushlight.from_numpy(rows), (2, 3), 0.9, 2).numpy()
    everywhere = ops.roi_align(
        rushlight.from_numpy(maps), rushlight.from_numpy(rows), (2, 3), 0.9, 2, aligned=True
    ).numpy()
    for k, c, i, j in np.ndindex(*pooled.shape):
        channel = (c * 2 + i) * 3 + j
        assert aligned[k, c, i, j] == pytest.approx(everywhere[k, channel, i, j], abs=1e-9)
        x1, y1, x2, y2 = (math.floor(abs(v * 0.9) + 0.5) * (1 if v >= 0 else -1) for v in rows[k, 1:])
        high, wide = max(y2 - y1, 1) / 2, max(x2 - x1, 1) / 3
        ys = [min(max(v, 0), 8) for v in (math.floor(i * high) + y1, math.ceil((i + 1) * high) + y1)]
        xs = [min(max(v, 0), 7) for v in (math.floor(j * wide) + x1, math.ceil((j + 1) * wide) + x1)]
        cell = maps[int(rows[k, 0]), channel, ys[0] : ys[1], xs[0] : xs[1]]
        assert pooled[k, c, i, j] == pytest.approx(cell.mean() if cell.size else 0.0, abs=1e-9)
    with pytest.raises(ValueError, match="18 channels"):
        ops.ps_roi_pool(rushlight.from_numpy(maps), rushlight.from_numpy(rows), 5)


@pytest.mark.parametrize("dims", [2, 3])
def test_drop_block(dims, real):
    data = np.random.default_rng(0).random((2, 3, *[9, 8, 7][:dims])).astype(np.float32)
    results = []
    for library, module in ((real.torch, real.vision.ops), (rushlight, ops)):
        library.manual_seed(4)
        layer = getattr(module, f"DropBlock{dims}d")(0.3, 3)
        x = library.from_numpy(data.copy())
        results.append((layer(x).numpy(), layer.eval()(x).numpy(), repr(layer)))
    np.testing.assert_allclose(results[1][0], results[0][0], rtol=1e-5)
    assert (results[0][0] == 0).any()
    assert np.array_equal(results[1][1], data)
    assert results[0][2] == results[1][2]


def test_pyramids(real):
    rng = np.random.default_rng(6)
    maps = {
        name: rng.random((2, c, s, s), np.float32) for name, c, s in (("a", 4, 16), ("b", 6, 8), ("c", 8, 4))
    }
    boxes = [boxes_of(1, 5, 60), boxes_of(2, 3, 60)]
    results = []
    for library, module in ((real.torch, real.vision.ops), (rushlight, ops)):
        library.manual_seed(2)
        blocks = module.feature_pyramid_network
        for extra in (None, blocks.LastLevelMaxPool(), blocks.LastLevelP6P7(8, 5)):
            pyramid = module.FeaturePyramidNetwork([4, 6, 8], 5, extra)
            out = pyramid({k: library.from_numpy(v) for k, v in maps.items()})
            results.append(
                (list(out), [v.detach().numpy() for v in out.values()], list(pyramid.state_dict()))
            )
        pyramid.load_state_dict({k.replace(".0.", "."): v for k, v in pyramid.state_dict().items()})
    for (names, want, keys), (same_names, got, same_keys) in zip(results[:3], results[3:]):
        assert (names, keys) == (same_names, same_keys)
        for a, b in zip(want, got):
            np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-5)
    align = ops.MultiScaleRoIAlign(["a", "b"], 3, 2, canonical_scale=32)
    found = align(
        {k: rushlight.from_numpy(v)[:, :4] for k, v in maps.items()},
        [rushlight.from_numpy(b) for b in boxes],
        [(64, 64), (60, 50)],
    )
    assert align.scales == [0.25, 0.125]
    sides = np.sqrt([(b[2] - b[0]) * (b[3] - b[1]) for part in boxes for b in part])
    levels = np.clip(np.floor(4 + np.log2(sides / 32) + 1e-6), 2, 3).astype(int) - 2
    assert set(levels) == {0, 1}
    for i, box in enumerate(np.concatenate(boxes)):
        level = levels[i]
        row = np.concatenate([[int(i >= 5)], box])[None].astype(np.float32)
        source = rushlight.from_numpy(list(maps.values())[level])[:, :4]
        want = ops.roi_align(source, rushlight.from_numpy(row), 3, align.scales[level], 2)
        assert (found[i] - want[0]).abs().max() < 1e-6
