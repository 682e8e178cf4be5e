"""Gradient modes: nesting, decorators, generators, coroutines, threads."""

# some attributes raise
# ruff: noqa: B018

import asyncio
import threading

import pytest

import rushlight as torch
from rushlight.autograd import engine


def test_modes_nest_and_leave_what_they_found():
    x = torch.ones(1, requires_grad=True)
    with torch.no_grad():
        with torch.enable_grad():
            assert (x * 2).requires_grad
        with torch.set_grad_enabled(True):
            assert torch.is_grad_enabled()
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()


def test_a_mode_is_left_when_an_error_comes_through():
    with pytest.raises(ZeroDivisionError), torch.no_grad():
        1 / 0
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("place", ["enter", "leave"])
def test_a_signal_as_backward_begins_or_ends_leaves_the_mode(place, monkeypatch):
    """In a notebook, the next cell trains on after Ctrl-C."""

    def arrives(*_):
        raise KeyboardInterrupt

    loss = torch.ones(3, requires_grad=True).sum()
    with monkeypatch.context() as patched:
        patched.setattr(engine, place, arrives)
        with pytest.raises(KeyboardInterrupt):
            loss.backward()
    assert torch.is_grad_enabled()


def test_set_grad_enabled_acts_at_once_and_as_a_decorator():
    torch.set_grad_enabled(False)
    try:
        assert not torch.is_grad_enabled()
    finally:
        torch.set_grad_enabled(True)

    @torch.set_grad_enabled(False)
    def inside():
        return torch.is_grad_enabled()

    assert not inside()
    assert torch.is_grad_enabled()


def test_inference_mode_can_be_switched_off_inside():
    x = torch.ones(1, requires_grad=True)
    with torch.inference_mode():
        assert torch.is_inference_mode_enabled()
        assert not (x * 2).requires_grad
        with torch.inference_mode(False):
            assert not torch.is_inference_mode_enabled()
            assert (x * 2).requires_grad
    assert not torch.is_inference_mode_enabled()

    @torch.inference_mode()
    def f():
        return torch.is_inference_mode_enabled()

    assert f()


def test_a_class_cannot_be_decorated():
    with pytest.raises(RuntimeError, match="cannot decorate the class"):
        torch.no_grad()(type("C", (), {}))


def test_generators_run_each_step_in_the_mode_and_their_consumer_does_not():
    seen = []

    @torch.no_grad()
    def steps():
        try:
            got = yield torch.is_grad_enabled()
            seen.append(got)
            yield torch.is_grad_enabled()
        except ValueError:
            yield torch.is_grad_enabled()
        finally:
            seen.append(torch.is_grad_enabled())
        return "end"

    run = steps()
    assert next(run) is False
    assert torch.is_grad_enabled()
    assert run.send("hello") is False
    assert torch.is_grad_enabled()
    assert run.throw(ValueError) is False
    assert torch.is_grad_enabled()
    with pytest.raises(StopIteration) as stop:
        next(run)
    assert stop.value.value == "end"
    assert seen == ["hello", False]

    other = steps()
    next(other)
    other.close()
    assert seen[-1] is False
    assert torch.is_grad_enabled()


def test_coroutines_run_in_the_mode_and_others_between_their_steps_do_not():
    seen = []

    @torch.no_grad()
    async def quiet():
        for _ in range(3):
            seen.append(("quiet", torch.is_grad_enabled()))
            await asyncio.sleep(0)
        return 7

    async def loud():
        for _ in range(3):
            seen.append(("loud", torch.is_grad_enabled()))
            await asyncio.sleep(0)

    async def both():
        return await asyncio.gather(quiet(), loud())

    assert asyncio.run(both())[0] == 7
    assert set(seen) == {("quiet", False), ("loud", True)}


def test_modes_are_each_threads_own_even_with_one_object():
    mode = torch.no_grad()
    entered, leave = threading.Event(), threading.Event()
    seen = {}

    def other():
        seen["before"] = torch.is_grad_enabled()
        with mode:
            entered.set()
            leave.wait(5)
            seen["inside"] = torch.is_grad_enabled()
        seen["after"] = torch.is_grad_enabled()

    thread = threading.Thread(target=other)
    thread.start()
    entered.wait(5)
    assert torch.is_grad_enabled()
    with torch.enable_grad(), mode:
        leave.set()
        thread.join()
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()
    assert seen == {"before": True, "inside": False, "after": True}


def test_multithreading_switch_is_remembered():
    from rushlight.autograd.grad_mode import is_multithreading_enabled

    with torch.autograd.set_multithreading_enabled(False):
        assert not is_multithreading_enabled()
    assert is_multithreading_enabled()
