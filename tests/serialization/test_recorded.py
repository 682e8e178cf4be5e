"""Files that PyTorch 2.13 has written, loaded where there is no PyTorch."""

from pathlib import Path

import numpy as np
import pytest

import rushlight as torch

RECORDED = Path(__file__).parent / "recorded"


@pytest.mark.parametrize("name", ["pytorch_2_13.pt", "pytorch_2_13_old_format.pt"])
@pytest.mark.parametrize("where", [None, "cpu"])
def test_a_file_of_pytorchs(name, where):
    found = torch.load(RECORDED / name, map_location=where)
    assert found["base"].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    found["base"][1, 2] = -1.0
    assert found["row"].tolist() == [4, 5, -1, 7]
    assert found["column"].tolist() == [2, -1, 10]
    assert found["half"].dtype is torch.bfloat16
    assert type(found["p"]) is torch.nn.Parameter
    assert found["numpy"].tolist() == [0, 1, 2]
    assert (found["size"], found["set"], found["dtype"]) == (torch.Size([2, 3]), {1, 2}, torch.float64)
    net = found["net"]
    np.testing.assert_allclose(net(found["x"]).detach().numpy(), found["y"].numpy(), rtol=1e-5, atol=1e-6)
    assert str(net.load_state_dict(found["state"])) == "<All keys matched successfully>"


def test_a_mapped_file_of_pytorchs():
    found = torch.load(RECORDED / "pytorch_2_13.pt", mmap=True)
    assert found["base"].sum() == 66
