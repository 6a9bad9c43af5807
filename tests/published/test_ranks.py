"""Attached models over two processes: the gradients of one process with the whole batch."""

import pytest
import torch
from published_models import FAMILIES, batch_of
from published_ranks import IMAGES, attached_model, gradients, main
from ranks import on_two_ranks

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    return on_two_ranks(main, tmp_path_factory.mktemp("ranks"))


@pytest.mark.parametrize("name", FAMILIES)
def test_two_processes_are_one(ranks, name):
    attached = attached_model(name)
    attached(**batch_of(name, IMAGES)).loss.backward()
    expected = gradients(attached)
    assert any(key.startswith("model.model.vqmodel.encoder") for key in expected)
    assert any(torch.tensor(value).any() for key, value in expected.items() if "vqmodel" in key)
    for found in ranks:
        for key, gradient in expected.items():
            own = torch.tensor(found[name][key])
            torch.testing.assert_close(own, torch.tensor(gradient), rtol=1e-3, atol=2e-6, msg=key)
