"""What is timed: an expression, the tensors that it uses, and the sizes that it is tried at.

`n` is the number of elements; a case of rows has n // 64 rows of 64 (and s x s matrices where s is n's root).
"""

from __future__ import annotations

from math import isqrt

SIZES = (10, 1_000, 100_000, 4_000_000)
MATRICES = (64 * 64, 256 * 256, 1024 * 1024)

ELEMENTS = "a = torch.rand(n); b = torch.rand(n); m = a > 0.5; k = torch.randint(0, 1000, (n,))"
ROWS = "x = torch.rand(max(1, n // 64), min(n, 64)); row = torch.rand(min(n, 64)); m = x > 0.5"
PICKED = ROWS + "; i = torch.randint(0, len(x), (len(x),)); j = torch.randint(0, x.shape[1], x.shape)"
SQUARE = "s = isqrt(n); a = torch.rand(s, s); b = torch.rand(s, s); v = torch.rand(s)"
LEAVES = ELEMENTS + "; a.requires_grad_(); b.requires_grad_(); g = torch.rand(n)"
LEAF_ROWS = ROWS + "; x.requires_grad_(); row.requires_grad_(); y = torch.randint(0, x.shape[1], (len(x),))"

ELEMENT_WISE = """
a + b; a * 2; a - b; a / b; a ** 2; -a; a.abs(); a.exp(); a.log(); a.sqrt(); a.sin(); a.tanh()
a.sigmoid(); a.relu(); a.clamp(0.2, 0.8); a > b; a == b; m & m; ~m; k + k; k * 3; k % 7; k // 7
torch.where(m, a, b); torch.maximum(a, b); a.clone(); a.double(); a.int(); a.add_(1e-9)
torch.lerp(a, b, 0.3); torch.addcmul(a, a, b); a.round(); a.floor(); a.sign(); torch.isnan(a)
a.nan_to_num(); torch.isclose(a, b); a.fill_(0.5); torch.atan2(a, b); F.gelu(a); F.silu(a)
F.leaky_relu(a); F.elu(a); F.softplus(a); F.dropout(a); F.mse_loss(a, b); F.l1_loss(a, b)
F.smooth_l1_loss(a, b); F.binary_cross_entropy(a, b); F.binary_cross_entropy_with_logits(a, b)
torch.zeros(n); torch.ones_like(a); torch.arange(n); torch.linspace(0, 1, n); torch.rand(n)
torch.randn(n); torch.randint(0, 10, (n,)); torch.bernoulli(a)
"""

REDUCING = """
x.sum(); x.sum(0); x.sum(1); x.mean(); x.mean(0); x.mean(1); x.max(); x.max(0); x.max(1)
x.argmax(1); x.amax(0); x.min(); x.std(); x.var(0); x.var(1); x.norm(); x.norm(dim=1); x.prod(1)
m.any(); m.all(); m.sum(); m.any(1); x.logsumexp(1); x.softmax(1); x.softmax(0); x.log_softmax(1)
F.layer_norm(x, row.shape); F.normalize(x); F.rms_norm(x, row.shape); x.cumsum(0); x.cumsum(1)
x.cumprod(1); x.cummax(1); x.median(); x.median(1); x.quantile(0.3); torch.count_nonzero(x); x + row
x * row; x - x.mean(0); torch.std_mean(x, 0); torch.aminmax(x); torch.equal(x, x)
torch.allclose(x, x); F.cosine_similarity(x, x)
"""

MOVING = """
x[i]; x[:, :3]; x[0]; x[-1]; x[m]; x[i, j[:, 0]]; x.index_select(0, i); x.index_select(1, j[0])
x.gather(1, j); x.gather(0, j % len(x)); torch.take_along_dim(x, j, 1); x.scatter(1, j, 0.5)
x.scatter_add(1, j, x); x.index_add(0, i, x); x.index_copy(0, i, x); x.index_put((i,), x)
x.index_put((i,), x, accumulate=True); x.masked_fill(m, 0.0); x.masked_select(m); m.nonzero()
x.t().contiguous(); x.t() + 1; x.flip(0); x.flip(1); x.roll(1, 0); x.repeat(2, 2); x.tile(2)
x.repeat_interleave(2, 0); torch.cat([x, x]); torch.cat([x, x], 1); torch.stack([x, x])
torch.cat(x.split(max(1, len(x) // 50))); x.chunk(4); x.unbind(0)[:1]; F.pad(x, (1, 1))
F.one_hot(j[:, 0]); x.tril(); x.triu(); x.reshape(-1); x.view(-1)
x.expand(2, *x.shape).contiguous(); x.sort(1); x.sort(0); x.view(-1).sort(); x.argsort(1)
x.topk(min(5, x.shape[1])); x.view(-1).topk(min(5, n)); x.kthvalue(2); i.unique()
i.unique_consecutive(); torch.searchsorted(row.sort()[0], x); torch.bucketize(x, row.sort()[0])
torch.histc(x); i.bincount(); torch.isin(i, i[:9]); torch.where(m); x.diff(); torch.diag(row)
x.trace(); torch.meshgrid(row, row, indexing="ij"); F.embedding(i, x); torch.combinations(row[:20])
torch.randperm(len(x)); torch.multinomial(x, 2); x.numpy(); x.tolist()[:1]; x.unfold(1, 2, 1)
"""

PRODUCTS = """
a @ b; a.t() @ b; a @ b.t(); a @ v; v @ a; torch.addmm(a, a, b); F.linear(a, b, v)
torch.outer(v, v); v.dot(v); torch.einsum('ij,jk->ik', a, b)
torch.bmm(a.view(1, s, s), b.view(1, s, s)); a[:1] @ b; a @ b[:, :1]; a.double() @ b.double()
torch.cdist(a, b); torch.kron(v[:16], v[:16]); a[:, :10] @ b[:10]
"""

BACKWARD = """
(a * b).sum().backward(); (a + 1).backward(g); a.exp().backward(g); F.gelu(a).backward(g)
a.tanh().backward(g); F.mse_loss(a, b.detach()).backward(); (a / b).backward(g)
torch.where(m, a, b).backward(g); (a.relu() ** 2).mean().backward()
"""

ROWS_BACKWARD = """
x.sum().backward(); x.mean(1).sum().backward(); x.softmax(1).sum().backward()
F.cross_entropy(x, y).backward(); F.layer_norm(x, row.shape, row, row).sum().backward()
x[y % len(x)].sum().backward(); x.max(1)[0].sum().backward(); torch.cat([x, x]).sum().backward()
(x + row).sum().backward(); x.t().contiguous().sum().backward(); x[:, :3].sum().backward()
F.nll_loss(x, y).backward(); x.var(0).sum().backward(); x.norm().backward()
x.cumsum(1).sum().backward()
"""


def _expressions(text: str) -> list[str]:
    return [part.strip() for line in text.strip().splitlines() for part in line.split("; ")]


GROUPS = (
    ("element", ELEMENTS, ELEMENT_WISE, SIZES),
    ("reduce", ROWS, REDUCING, SIZES),
    ("move", PICKED, MOVING, SIZES[:3] + (1_000_000,)),
    ("product", SQUARE, PRODUCTS, MATRICES),
    ("backward", LEAVES, BACKWARD, SIZES),
    ("rows_backward", LEAF_ROWS, ROWS_BACKWARD, SIZES),
)


def cases() -> list[tuple[str, str, str, int]]:
    """(group, what makes the tensors, expression, elements) of everything that is timed."""
    return [
        (group, setup, expression, size)
        for group, setup, text, sizes in GROUPS
        for expression in _expressions(text)
        for size in sizes
    ]


NAMES = {"isqrt": isqrt}
