"""Backbones from a folder in the hub's layout, made here: its words, its adapters, and what is refused."""

import json
import resource

import pytest
import torch
from safetensors.torch import load_file, save_file

from infotok.tokenizers import SharedTokenizer, TokenizerConfig
from infotok.unified import AutoregressiveModel, Backbone, TrainConfig
from infotok.unified.optimisers import make_optimisers
from infotok.worlds import ShapesWorld

WORLD = ShapesWorld(nuisance=0.0)
WORDS = WORLD.vocabulary.words


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A Llama of 2 layers with a tokenizer of whole words and letters, as `save_pretrained` lays them out."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    path = tmp_path_factory.mktemp("hub")
    vocabulary = {word: i for i, word in enumerate(["<unk>", "red", "circle", "-", "left", "top"])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>").save_pretrained(path)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=64, bos_token_id=None, eos_token_id=None, tie_word_embeddings=False,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(path)
    return path


def copied(folder, tmp_path):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def model_on(backbone):
    torch.manual_seed(1)
    config = TokenizerConfig(grid=2, dim=4, width=4, quantizer_options={"codebook_size": 8})
    return AutoregressiveModel(SharedTokenizer.from_config(config), backbone, WORLD.vocabulary)


def test_a_word_is_the_mean_of_its_pieces(folder):
    backbone = Backbone.hub(str(folder), WORDS)
    table = load_file(folder / "model.safetensors")["model.embed_tokens.weight"]
    row = {word: backbone.words.weight[i] for i, word in enumerate(WORDS)}
    torch.testing.assert_close(row["red"], table[1])
    torch.testing.assert_close(row["top-left"], table[[5, 3, 4]].mean(0))
    torch.testing.assert_close(row["square"], table[0])  # unknown to it
    assert (backbone.hidden, backbone.positions, backbone.words.num_embeddings) == (16, 64, len(WORDS))


def test_its_states_are_transformers_own(folder):
    from transformers import AutoModel

    backbone = Backbone.hub(str(folder), WORDS).eval()
    row = torch.randn(2, 5, 16)
    mask = torch.ones(5, 5, dtype=torch.bool).tril().expand(2, 1, 5, 5)
    with torch.no_grad():
        own = backbone(row, mask, torch.arange(5).expand(2, -1))
        theirs = AutoModel.from_pretrained(folder).eval()(inputs_embeds=row).last_hidden_state
    torch.testing.assert_close(own, theirs, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("lora", [0, 2])
def test_a_model_on_it_trains_and_comes_back(folder, tmp_path, lora):
    model = model_on(Backbone.hub(str(folder), WORDS, lora=lora))
    batch = WORLD.batch(4, torch.Generator().manual_seed(0), questions=2)
    generator = torch.Generator().manual_seed(1)
    sum(model.loss(batch, generator).values()).backward()
    trained = {name for name, p in model.backbone.named_parameters() if p.requires_grad}
    assert all(model.get_parameter(f"backbone.{name}").grad is not None for name in trained)
    frozen = {name for name, p in model.backbone.named_parameters() if not p.requires_grad}
    assert bool(frozen) == bool(lora)
    assert all("lora" in name or "embed_tokens" in name for name in trained) == bool(lora)
    assert len(make_optimisers(model, TrainConfig())) == (1 if lora else 2), "adapters are AdamW's"
    model.eval().save_pretrained(tmp_path)
    again = AutoregressiveModel.from_pretrained(tmp_path)
    assert torch.equal(again.answer(batch.images, batch.questions), model.answer(batch.images, batch.questions))
    cached, plain = (model.draw(batch.captions, torch.Generator().manual_seed(2), cached=c) for c in (True, False))
    torch.testing.assert_close(cached, plain, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_checkpoint_of_half_precision_becomes_float32(folder, tmp_path, dtype):
    from transformers import AutoModelForCausalLM

    half = copied(folder, tmp_path)
    AutoModelForCausalLM.from_pretrained(folder).to(dtype).save_pretrained(half)
    model = model_on(Backbone.hub(str(half), WORDS))
    exact = load_file(folder / "model.safetensors")["model.embed_tokens.weight"][1]
    assert torch.equal(model.backbone.words.weight[WORDS.index("red")], exact.to(dtype).float())
    batch = WORLD.batch(4, torch.Generator().manual_seed(0), questions=2)
    sum(model.loss(batch, torch.Generator().manual_seed(1)).values()).backward()
    model.eval().save_pretrained(tmp_path / "saved")
    again = AutoregressiveModel.from_pretrained(tmp_path / "saved")
    assert {p.dtype for p in again.parameters()} == {torch.float32}
    assert torch.equal(again.answer(batch.images, batch.questions), model.answer(batch.images, batch.questions))


def test_adapters_start_as_nothing(folder):
    row, mask = torch.randn(1, 3, 16), torch.ones(1, 1, 3, 3, dtype=torch.bool)
    with torch.no_grad():
        plain, adapted = (
            Backbone.hub(str(folder), WORDS, lora=r).eval()(row, mask, torch.arange(3)[None]) for r in (0, 4)
        )
    torch.testing.assert_close(plain, adapted)


def test_a_tiny_backbone_takes_adapters_too():
    """GPT-2 keeps its linear layers transposed."""
    torch.manual_seed(0)
    spec = Backbone.tiny(len(WORDS), hidden=8, layers=1, heads=2).spec()
    backbone = Backbone.from_spec({**spec, "lora": 2})
    trained = [name for name, p in backbone.named_parameters() if p.requires_grad]
    assert sum("lora_A" in name for name in trained) == 4  # attention in and out, MLP in and out
    assert len(trained) == 9  # and the words


def refused(path, **options):
    with pytest.raises(ValueError, match=r"^backbone .*: got .*, expected ") as caught:
        Backbone.hub(str(path), WORDS, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_missing_folder_is_refused(tmp_path):
    refused(tmp_path / "nowhere")
    refused(tmp_path)


def test_truncated_weights_are_refused(folder, tmp_path):
    weights = copied(folder, tmp_path) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-64])
    refused(tmp_path)


def test_lacking_weights_are_refused_by_name(folder, tmp_path):
    """transformers would fill them with random numbers and warn."""
    weights = copied(folder, tmp_path) / "model.safetensors"
    tensors = load_file(weights)
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, weights, metadata={"format": "pt"})
    assert "layers.1.mlp.up_proj.weight" in refused(tmp_path)


def test_weights_of_another_configuration_are_refused(folder, tmp_path):
    path = copied(folder, tmp_path) / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"hidden_size": 32}))
    refused(tmp_path)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"intermediate_size": 2**24}, "weights', expected at most"),  # transformers would allocate 6 GB, then refuse
        ({"num_hidden_layers": 10**7}, "num_hidden_layers: got 10000000, expected at most 1024"),
        ({"depths": [2, 10**7]}, "depths: got 10000000, expected at most 1024"),
        ({"vocab_size": 10**9}, "vocab_size: got 1000000000, expected at most 16777216"),
    ],
)
def test_sizes_beyond_the_weights_take_no_memory(folder, tmp_path, change, line):
    path = copied(folder, tmp_path) / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert line in refused(tmp_path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


def test_nan_in_weights_is_refused_by_name(folder, tmp_path):
    weights = copied(folder, tmp_path) / "model.safetensors"
    tensors = load_file(weights)
    tensors["model.norm.weight"][3] = float("nan")
    save_file(tensors, weights, metadata={"format": "pt"})
    assert "norm.weight: got 'NaN or infinite numbers', expected finite numbers" in refused(tmp_path)


def test_code_of_a_repository_is_never_run_nor_asked_about(folder, tmp_path, monkeypatch):
    path = copied(folder, tmp_path) / "config.json"
    own = {"model_type": "stranger", "auto_map": {"AutoConfig": "run.Config", "AutoModel": "run.Model"}}
    path.write_text(json.dumps(json.loads(path.read_text()) | own))
    (tmp_path / "run.py").write_text(
        f"open({str(tmp_path / 'was run')!r}, 'w')\nclass Config: pass\nclass Model: pass\n"
    )
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked whether to run it"))
    refused(tmp_path)
    assert not (tmp_path / "was run").exists()


@pytest.mark.parametrize(("name", "size"), [("layers", 10**7), ("words", 10**9), ("hidden", 2.0)])
def test_sizes_of_a_tiny_backbone_are_bounded(name, size):
    with pytest.raises((TypeError, ValueError), match=f"{name}: got {size}, expected an integer from 1 to"):
        Backbone.tiny(**{"words": 5, name: size})


def test_a_negative_rank_is_refused(folder):
    with pytest.raises(ValueError, match="lora: got -1, expected a non-negative integer"):
        Backbone.hub(str(folder), WORDS, lora=-1)
