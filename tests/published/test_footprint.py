"""What training takes: parameters in closed form, bytes and operations that a small model's step really takes."""

import published_models
import pytest
import torch
from published_models import FAMILIES, SMALL, batch_of, published
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from infotok.experiments.memory import peak_growth
from infotok.published import attach, footprint, outline, soft_mixture, what_fits
from infotok.published.fits import COLUMNS, as_markdown
from infotok.published.footprint import kept_bytes

IMAGES = 48
WIDER = {"hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 6, "num_attention_heads": 4}
WIDER |= {"num_key_value_heads": 4, "max_position_embeddings": 2048}
LANGUAGE = {  # vocabulary, width, inner width, layers, width of keys and values
    "Janus-Pro-1B": (102400, 2048, 5632, 24, 2048),
    "Janus-Pro-7B": (102400, 4096, 11008, 30, 4096),
    "Chameleon-7B": (65536, 4096, 11008, 32, 4096),
    "Emu3-Chat": (184622, 4096, 14336, 32, 1024),
}


def first_quick(names):
    """Names as parameters of a test: the first in every run of the tests, the others with the slow ones."""
    first, *others = names
    return [first, *(pytest.param(name, marks=pytest.mark.slow) for name in others)]


class Counted(TorchDispatchMode):
    """Operations of everything that runs inside, recomputation included."""

    operations = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        formula = flop_registry.get(function._overloadpacket)
        if formula is not None:
            self.operations += formula(*args, **(kwargs or {}), out_val=result)
        return result


@pytest.fixture
def wider(monkeypatch):
    """Tiny models whose language model is large enough to be seen beside temporary buffers."""
    monkeypatch.setattr(published_models, "SMALL", SMALL | WIDER)


@pytest.mark.parametrize("name", LANGUAGE)
def test_language_models_have_the_numbers_of_their_formula(name):
    """Two tables, and per layer q, k, v, o, the gated MLP and two norms; Chameleon also norms queries and keys."""
    vocabulary, width, inner, layers, keys = LANGUAGE[name]
    model = outline(name)
    inside = ("language_model", "text_model", "layers", "norm", "embed_tokens", "lm_head")
    found = sum(p.numel() for key, p in model.named_parameters() if key.removeprefix("model.").split(".")[0] in inside)
    layer = 2 * width**2 + 2 * width * keys + 3 * width * inner + 2 * width
    queries = layers * 2 * (width + keys) if name == "Chameleon-7B" else 0
    assert found == 2 * vocabulary * width + layers * layer + width + queries
    assert all(p.is_meta for p in model.parameters())


@pytest.mark.parametrize("name", first_quick(LANGUAGE))
def test_bytes_of_weights_and_of_states(name):
    """bfloat16 but for the tokenizer and the adapters, and 12 more bytes for each trained weight."""
    model, found = outline(name), footprint(name, lora=16)
    vq = sum(p.numel() for p in model.model.vqmodel.parameters())
    rest = sum(p.numel() for p in model.parameters()) - vq
    trained = [model.model.vqmodel.encoder, model.model.vqmodel.quant_conv, model.model.vqmodel.quantize]
    tokenizer = sum(p.numel() for part in trained for p in part.parameters())
    inner = model.model if name.startswith("Cham") else getattr(model.model, "text_model", None)
    inner = model.model.language_model if inner is None else inner
    linear = [each for key, each in inner.named_modules() if isinstance(each, nn.Linear) and "vqmodel" not in key]
    adapters = sum(16 * (each.in_features + each.out_features) for each in linear)
    assert found.weights == 2 * rest + 4 * (vq + adapters)
    assert found.states == 12 * (tokenizer + adapters)
    assert found.parameters == vq + rest + adapters
    assert found.trained == tokenizer + adapters


def test_kept_bytes_in_closed_form():
    """Of Linear, ReLU, Linear autograd keeps the input, the ReLU's result and no more."""
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    kept, _ = kept_bytes(lambda: network(torch.ones(3, 8)), network)
    assert kept == 4 * (3 * 8 + 3 * 16)
    view = torch.ones(3, 8)
    assert kept_bytes(lambda: [view[:1]], network)[0] == view.nbytes, "a view holds its whole storage"


@pytest.mark.parametrize("lora", [0, pytest.param(4, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", first_quick(FAMILIES))
def test_a_step_takes_the_bytes_and_operations_that_are_computed(wider, name, lora):
    """Both losses with checkpointing on a CPU: the measured peak beyond weights and gradients, and counted FLOPs."""
    model = published(name)
    attached, batch = attach(model, None, lora=lora, near=8).train(), batch_of(name, IMAGES)
    attached.model.activation_checkpointing_enable({"use_reentrant": False})
    batch.pop("text")
    words = batch["input_ids"].shape[1] - 16 - (4 if name == "emu3" else 0)
    batch["prompts"] = batch["prompts"][:, :1].expand(-1, words).contiguous()

    def step():
        sum(attached.loss(batch).values()).backward()

    with Counted() as counted:
        step()  # gradients are there from now on
    computed = footprint(model, lora=lora, images=IMAGES, pixels=8, words=words, near=8, dtype="float32")
    measured = peak_growth(step)
    assert computed.activations <= measured <= 1.35 * computed.activations
    assert counted.operations == pytest.approx(computed.operations, rel=0.1)
    width, length = WIDER["hidden_size"], batch["input_ids"].shape[1]
    assert computed.inputs == 2 * WIDER["num_hidden_layers"] * IMAGES * length * width * 4
    assert computed.encoder == IMAGES // 2 * footprint(
        model, lora=lora, images=2, pixels=8, words=words, near=8, dtype="float32"
    ).encoder  # fmt: skip


def test_the_chunk_of_the_soft_surrogate():
    """Two chunks and a half of rows of 512 numbers: the measured peak is that of one."""
    tokens, codes, width, near = 2560, 64, 512, 32
    generator = torch.Generator().manual_seed(0)
    z, codebook = torch.randn(tokens, 8, generator=generator), torch.randn(codes, 8, generator=generator)
    table, rows = torch.randn(codes, width, generator=generator), torch.arange(codes)
    results = tokens * (width * 4 + near * (8 + 4))  # the mixture, the codes and their weights
    measured = peak_growth(lambda: soft_mixture(z, codebook, table, rows, near=near)) - results
    chunk = 2**24 // (near * width)
    assert tokens > 2 * chunk
    assert measured == pytest.approx(chunk * near * width * 4, rel=0.1)


def test_a_model_stays_as_it_is():
    model = published("janus")
    before = {key: (p, p.device, p.dtype, p.requires_grad) for key, p in model.named_parameters()}
    footprint(model, pixels=8, words=4)
    assert before == {key: (p, p.device, p.dtype, p.requires_grad) for key, p in model.named_parameters()}
    assert not any("lora" in key for key, _ in model.named_parameters())


def test_rows_of_the_table():
    one, other = what_fits(["Janus-1.3B", "Janus-Pro-1B"])
    assert {**one, "model": ""} == {**other, "model": ""}
    assert one.keys() == COLUMNS.keys()
    assert one["all"] > one["total"] > one["weights"] + one["states"]
    assert as_markdown([one]).splitlines()[2].startswith("| Janus-1.3B | 2.08 | ")


def test_bad_arguments_are_one_line():
    for arguments, line in (
        (("GPT-5",), r"^name: got 'GPT-5', expected one of Janus-1.3B"),
        ((nn.Linear(2, 2),), r"^model: got 'Linear', expected one of Chameleon"),
        ((3,), r"^model: got 'int', expected a published model"),
    ):
        with pytest.raises((ValueError, TypeError), match=line):
            footprint(*arguments)
    for options, line in (
        ({"dtype": "float16"}, "^dtype: got"),
        ({"images": 0}, "^images: got"),
        ({"lora": -1}, "^lo"),
    ):
        with pytest.raises(ValueError, match=line):
            footprint("Janus-Pro-1B", **options)
    with pytest.raises(TypeError, match=r"^names: got 'Emu3-Chat', expected a list"):
        what_fits("Emu3-Chat")
