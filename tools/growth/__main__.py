"""How cost grows: a training step by batch size, element-wise work by elements; beside PyTorch.

    python tools/growth                        all of it, into build/growth
    python tools/growth network limits         some parts; what was measured before is kept

Writes growth.json with the seconds, growth.md with tables, and an SVG for each part.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

from chart import NAMES, chart

HERE = Path(__file__).resolve().parent
TITLES = {
    "network": (
        "Training step of a convolutional network (1x28x28, 16 and 32 channels, Adam)",
        "pictures in a batch",
    ),
    "chain": ("(a * 2 + 1).tanh() * a in float32", "elements"),
    "add": ("a + b in float32", "elements"),
}
UNITS = ((1e-3, 1e6, "µs"), (1.0, 1e3, "ms"), (float("inf"), 1.0, "s"))


def measured(part: str, framework: str, threads: int) -> dict[str, float]:
    """What a fresh process measures."""
    source = HERE.parents[1] / "src"
    paths = [str(source), *filter(None, [os.environ.get("PYTHONPATH", "")])]
    limit = {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(
        [sys.executable, str(HERE / "work.py"), part, framework, str(threads)],
        env={**os.environ, **limit}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{part} of {framework} with {threads} threads:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def duration(seconds: float) -> str:
    scale, unit = next((scale, unit) for below, scale, unit in UNITS if seconds < below)
    return f"{seconds * scale:.3g} {unit}"


def limits_table(found: dict[str, dict]) -> list[str]:
    rows = ["| threads | float32 multiply-add | reading memory | copying memory |", "|---|---|---|---|"]
    for key, limits in found.items():
        numbers = (
            f"{limits['gflops']:.0f} GFLOP/s | {limits['read_gbs']:.1f} GB/s | {limits['copy_gbs']:.1f} GB/s"
        )
        rows.append(f"| {key.split(':')[1]} | {numbers} |")
    return rows


def table(part: str, found: dict[str, dict]) -> list[str]:
    """Sizes down, frameworks and threads across; and PyTorch's time by ours, with the most threads."""
    keys = [tuple(key.split(":")) for key in found]
    heads = [f"{NAMES[name]}, {count} thread{'s' if count != '1' else ''}" for name, count in keys]
    most = max(count for _, count in keys)
    both = [f"{name}:{most}" for name in ("torch", "rushlight")]
    compared = all(key in found for key in both)
    rows = [f"| {' | '.join([TITLES[part][1], *heads, *(['ratio'] if compared else [])])} |"]
    rows.append("|" + "---|" * (len(heads) + 1 + compared))
    for size in found[next(iter(found))]:
        cells = [f"{int(size):,}", *(duration(line[size]) for line in found.values())]
        if compared:
            cells.append(f"{found[both[0]][size] / found[both[1]][size]:.2f}x")
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def write(folder: Path, results: dict[str, dict]) -> None:
    """Tables and pictures of what is there."""
    lines = []
    for part, found in results.items():
        if part == "limits":
            lines += ["The machine, by generated kernels:", "", *limits_table(found), ""]
            continue
        title, across = TITLES[part]
        lines += [f"{title}, by {across}:", "", *table(part, found), ""]
        curves = {
            (key.split(":")[0], int(key.split(":")[1])): {int(n): s for n, s in line.items()}
            for key, line in found.items()
        }
        (folder / f"growth-{part}.svg").write_text(chart(title, across, curves), encoding="utf8")
    (folder / "growth.md").write_text("\n".join(lines), encoding="utf8")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python tools/growth", description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=["limits", *TITLES], help="limits, network, chain, add")
    parser.add_argument("--out", type=Path, default=Path("build/growth"))
    parser.add_argument("--threads", default="1,2")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    kept = options.out / "growth.json"
    results = json.loads(kept.read_text(encoding="utf8")) if kept.exists() else {}
    frameworks = ["rushlight", *(["torch"] if importlib.util.find_spec("torch") else [])]
    for part in options.parts:
        for framework in frameworks[: 1 if part == "limits" else 2]:
            for threads in map(int, options.threads.split(",")):
                results.setdefault(part, {})[f"{framework}:{threads}"] = measured(part, framework, threads)
                print(f"{part}: {framework} with {threads} threads", flush=True)
                kept.write_text(json.dumps(results, indent=1), encoding="utf8")
    write(options.out, results)
    print((options.out / "growth.md").read_text(encoding="utf8"))


if __name__ == "__main__":
    main()
