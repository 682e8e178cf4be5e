"""Each example runs offline, and its reader learns what it promises."""

import re

import pytest

from support.paths import ROOT, run_python

LESSONS = sorted(path.stem for path in (ROOT / "examples").glob("*.py"))


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What an example prints, in a folder of its own that is returned too."""
    done = {}

    def run(name):
        if name not in done:
            folder = tmp_path_factory.mktemp(name)
            arguments = [folder] if "sys.argv" in (ROOT / f"examples/{name}.py").read_text() else []
            result = run_python(ROOT / f"examples/{name}.py", *arguments)
            assert result.returncode == 0, result.stderr[-3000:]
            done[name] = result.stdout, folder
        return done[name]

    return run


def figures(text, before):
    """The numbers that stand behind some words."""
    return [float(number) for number in re.findall(re.escape(before) + r"\s*([\d.]+\d)", text)]


def test_every_example_has_a_test():
    tested = set(
        re.findall(r'(?:printed\("|examples/)(\w+)', "".join(map(source, ROOT.glob("tests/examples/*.py"))))
    )
    assert set(LESSONS) <= tested


def source(path):
    return path.read_text(encoding="utf8")


@pytest.mark.parametrize("name", LESSONS)
def test_an_example_says_first_what_one_learns(name):
    text = source(ROOT / f"examples/{name}.py")
    first, empty, usage = text.split("\n")[:3]
    assert first.startswith('"""')
    assert first.endswith(".")
    assert empty == ""
    assert f"python examples/{name}.py" in usage


def test_regression_finds_the_curve(printed):
    text, _ = printed("regression")
    assert figures(text, "loss")[-1] < 0.006
    for row in re.findall(r"^ *-?\d\.\d +([\d.]+) +([\d.]+)$", text, re.M):
        learned, middle = map(float, row)
        assert learned == pytest.approx(middle, abs=0.06)


def test_classification_tells_the_clouds_apart(printed):
    text, _ = printed("classification")
    assert figures(text, "right")[-1] > 98
    assert re.findall(r"class (\d)", text)[0::2] == ["0", "1"]


def test_momentum_and_adam_are_ahead_of_plain_descent(printed):
    text, _ = printed("optimizers")
    plain, momentum, _, adam = map(float, text.splitlines()[-1].split()[1:])
    assert plain > 3 * momentum
    assert plain > 3 * adam


def test_an_lstm_reads_digits(printed):
    text, _ = printed("digits_lstm")
    assert max(figures(text, "new pictures")) > 93


def test_an_rnn_turns_a_sine_into_a_cosine(printed):
    text, _ = printed("sine_to_cosine")
    losses = figures(text, "loss")
    assert losses[-1] < 0.005 < losses[0]


def test_a_painter_learns_from_a_critic(printed):
    text, _ = printed("gan_paintings")
    assert figures(text, "artist to")[-1] == pytest.approx(0.5, abs=0.15)
    rows = re.findall(r"([\d.]+) and ([\d.]+) +([\d.]+) and ([\d.]+)$", text, re.M)
    assert len(rows) == 8
    for least, most, lower, upper in (map(float, row) for row in rows):
        assert lower - 0.3 < least < most < upper + 1


def test_what_is_saved_comes_back(printed):
    text, _ = printed("save_and_restore")
    assert text.count("True") == 2
    went_on, from_the_file = re.search(r"loss ([\d.]+); from the file: ([\d.]+)", text).groups()
    assert went_on == from_the_file


def test_the_trunk_of_a_network_stays_and_the_head_learns(printed):
    pytest.importorskip("rushlight.vision.models")
    text, _ = printed("vgg_surgery")
    losses = figures(text, "loss")
    assert losses[-1] < losses[0]
    assert text.endswith("untouched: True\n")
    assert "1,606,346" in text


def test_tensorboard_gets_its_files(printed):
    text, folder = printed("tensorboard_log")
    assert figures(text, "new pictures:")[0] > 85
    (events,) = folder.glob("events.*")
    written = events.read_bytes()
    assert all(
        tag in written for tag in (b"loss", b"first layer", b"about/text_summary", b"Sequential/3/weight")
    )
    assert {"progress_accuracy", "progress_error", "00005"} <= {path.name for path in folder.iterdir()}


def test_batches_hold_every_sample_once_an_epoch(printed):
    text, _ = printed("batches")
    for epoch in "01":
        samples = re.findall(rf"epoch {epoch}, step \d: x \[([^]]*)\]", text)
        assert sorted(float(x) for batch in samples for x in batch.split(", ")) == list(range(1, 11))
    assert "squares of shape (5, 1)" in text


def test_the_template_trains_and_keeps_its_files(printed):
    text, folder = printed("template")
    assert "24.0 is greater" in text
    assert "3.14 is not greater" in text
    assert {"best.pt", "last.pt", "log.csv"} <= {path.name for path in folder.iterdir()}


def test_the_main_job_reads_nearly_all_new_digits(printed):
    text, folder = printed("digits_cnn")
    assert figures(text, "it reads")[0] >= 97
    assert len(re.findall(r"^epoch", text, re.M)) == 10
    captions = [line for line in text.splitlines() if re.fullmatch(r"( +\d(, is \d)?){5} *", line)]
    guesses = [guess for line in captions for guess in re.findall(r"(?<!is )\b(\d)", line)]
    assert len(guesses) == 10
    assert {"cnn.pt", "log.csv"} <= {path.name for path in folder.iterdir()}
    assert list(folder.glob("events.*"))


@pytest.mark.parametrize("document", ["README.md", "README.zh-CN.md"])
def test_the_readme_shows_the_main_job(printed, document):
    text, _ = printed("digits_cnn")
    shown = re.search(r"```text\n(a network of .*?)```", source(ROOT / document), re.S)[1].splitlines()
    assert [line for line in shown if re.fullmatch(r"[ .:\-=+*#%@]{20,}", line)] == [
        line for line in text.splitlines() if re.fullmatch(r"[ .:\-=+*#%@]{20,}", line)
    ][:8]
    assert shown[0] == text.splitlines()[0]
