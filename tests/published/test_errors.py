"""What is refused: other models, batches that do not fit, and folders that are damaged, pickled or bring code."""

import json
import pickle
import re
from pathlib import Path

import pytest
import torch
from published_models import FAMILIES, GRID, IMAGE, TEXT, batch_of, published, question_of
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel

from infotok.bottleneck import InfoTok
from infotok.published import attach, load, open_model

LINE = re.compile(r"[^\n]+: got [^\n]*, expected [^\n]+")
OPTIONS = {"text_dim": TEXT, "consistency": 1.0}


def refused(kind, match, call):
    """The line of the error, which is one."""
    with pytest.raises(kind, match=match) as caught:
        call()
    assert LINE.fullmatch(str(caught.value)), str(caught.value)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    """The folder of each tiny model, in the hub's layout."""
    root = tmp_path_factory.mktemp("hub")
    for name in FAMILIES:
        published(name).save_pretrained(root / name)
    return {name: root / name for name in FAMILIES}


@pytest.fixture
def folder(folders, tmp_path) -> Path:
    """A copy of Chameleon's folder, to be damaged."""
    for path in folders["chameleon"].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


class TestModels:
    def test_a_model_of_another_type(self):
        gpt2 = GPT2LMHeadModel(GPT2Config(vocab_size=9, n_embd=8, n_layer=1, n_head=1))
        refused(TypeError, r"^model: got 'GPT2LMHeadModel', expected one of Chameleon", lambda: attach(gpt2))
        refused(TypeError, r"^model: got 'Linear', expected", lambda: attach(nn.Linear(2, 2)))

    def test_a_vocabulary_without_image_codes(self):
        model = published("chameleon")
        del model.model.vocabulary_mapping.vocab_map["<image>"]
        model.model.vocabulary_mapping.image_token_id = None
        refused(ValueError, r"^config.vocabulary_map: got '16 image codes', expected as many", lambda: attach(model))

    def test_a_vocabulary_with_other_codes_than_the_codebook(self):
        model = published("emu3")
        mapping = model.model.vocabulary_mapping.vocab_map
        mapping.pop("<|visual token 000015|>")
        refused(ValueError, r"^config.vocabulary_map: got '15 image codes', expected", lambda: attach(model))

    @pytest.mark.parametrize(
        ("infotok", "line"),
        [
            ({"text_dimension": 5}, r"^infotok: got 'text_dimension', expected some of answer_dim"),
            ({"prior": "host"}, r"^infotok, needs: got 'host', expected some of answer"),
            ({"noise": None}, r"^infotok, noise: got None, expected a number"),
            (InfoTok(5), r"^infotok, dim: got 5, expected 6, the width of the codebook"),
            (nn.Linear(6, 6), r"^infotok, placement: got None, expected one of before"),
        ],
    )
    def test_an_infotok_that_does_not_fit(self, infotok, line):
        refused((ValueError, TypeError), line, lambda: attach(published("chameleon"), infotok))

    def test_options_out_of_range(self):
        model = published("chameleon")
        refused(ValueError, r"^through: got 'hard', expected one of soft", lambda: attach(model, through="hard"))
        refused(ValueError, r"^near: got 0, expected", lambda: attach(model, near=0))
        refused(ValueError, r"^path: got 'siglip', expected one of vq", lambda: attach(model, path="siglip"))
        refused(TypeError, r"^decoder: got", lambda: attach(model, decoder=3))


class TestAttachedBefore:
    """A model that was attached before, moved to another dtype, or saved with an InfoTok in it."""

    def test_another_attach_follows_uninstall(self):
        first = attach(published("chameleon"), OPTIONS)
        model, batch = first.install(), batch_of("chameleon")
        refused(ValueError, r"^model: got 'one in which `install` has put an InfoTok'", lambda: attach(model, OPTIONS))
        second = attach(first.uninstall(), OPTIONS)
        assert not any(name.startswith("model.infotok.") for name, _ in second.named_parameters())
        alone = attach(published("chameleon"), OPTIONS)
        assert torch.equal(second.loss(batch)["understanding"], alone.loss(batch)["understanding"])

    def test_an_infotok_that_is_refused_leaves_the_model_as_it_was(self):
        model = published("janus").to(torch.bfloat16)
        before = [(name, p.dtype, p.requires_grad) for name, p in model.named_parameters()]
        with pytest.raises(ValueError, match="infotok: got 'comprission'"):
            attach(model, {"comprission": 0.1}, lora=2)
        assert [(name, p.dtype, p.requires_grad) for name, p in model.named_parameters()] == before
        assert attach(model, {"compression": 0.1}, lora=2).options.lora == 2

    def test_adapters_are_added_once(self, tmp_path):
        model = attach(published("janus"), OPTIONS, lora=2).model
        attach(published("janus"), OPTIONS, lora=2).save(tmp_path)
        line = r"^lora: got 2, expected 0, since the model has adapters already$"
        refused(ValueError, line, lambda: attach(model, OPTIONS, lora=2))
        refused(ValueError, line, lambda: load(tmp_path, model))
        assert any(".lora_" in name for name, p in attach(model).named_parameters() if p.requires_grad)

    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
    def test_the_tokenizer_stays_in_float32(self, dtype):
        attached, pixels = attach(published("emu3"), OPTIONS), batch_of("emu3")["pixel_values"]
        attached.double().tokens(pixels)
        line = rf"^the tokenizer's dtype: got {dtype}, expected float32: move an attached model to a device, not to"
        refused(TypeError, line, lambda: attached.to(dtype).tokens(pixels))

    def test_it_is_in_the_mode_of_its_model(self):
        for mode in (True, False):
            attached = attach(published("chameleon").train(mode), OPTIONS)
            modes = {name: part.training for name, part in attached.named_modules() if "vqmodel" not in name}
            assert set(modes.values()) == {mode}

    def test_an_installed_model_is_trained_in_the_mode_that_its_trainer_sets(self):
        """Gradient checkpointing recomputes the encoder, though `train` was called on the published model alone."""
        attached, passes = attach(published("chameleon"), near=6), []
        model = attached.install().train()
        model.activation_checkpointing_enable({"use_reentrant": False})
        attached.family.vq.encoder.conv_in.register_forward_hook(lambda *_: passes.append(1))
        model(**batch_of("chameleon")).loss.backward()
        assert len(passes) == 2

    def test_a_folder_with_an_infotok_in_it(self, tmp_path):
        """Not opened as a published model: its InfoTok would be replaced by a new one without a word."""
        attached = attach(published("chameleon"), OPTIONS)
        attached.install().save_pretrained(tmp_path)
        refused(ValueError, r"^model .*: got 'weights of an InfoTok', expected those of", lambda: open_model(tmp_path))
        attached.uninstall().save_pretrained(tmp_path)
        open_model(tmp_path)


class TestBatches:
    @pytest.mark.parametrize("name", FAMILIES)
    @pytest.mark.parametrize("change", [-1, 1])
    def test_placeholders_that_do_not_match(self, name, change):
        attached, batch = attach(published(name)), batch_of(name)
        place = 1 if change > 0 else 2
        batch["input_ids"][0, place] = IMAGE if change > 0 else 7
        count = 4 * GRID[0] * (GRID[1] + (name == "emu3"))
        line = rf"^input_ids, placeholders of visual tokens: got {count + change}, expected {count}, as the images"
        refused(ValueError, line, lambda: attached.loss(batch))
        refused(ValueError, line, lambda: attached.answer(question_of(batch)))

    def test_parts_that_are_missing_or_do_not_fit(self):
        attached, batch = attach(published("chameleon")), batch_of("chameleon")
        for changes, line in (
            ({"pixel_values": None}, r"^pixel_values: got None, expected a tensor of shape"),
            ({"prompts": batch["prompts"][:2]}, r"^prompts: got shape \(2, 3\), expected a tensor of shape \(4, P\)"),
            ({"labels": batch["labels"][:, :3]}, r"^labels: got shape \(4, 3\), expected"),
            ({"prompts_mask": torch.zeros(4, 3)}, r"^prompts_mask: got 'a prompt without a token', expected"),
            ({"captions": 3}, r"^batch: got 'captions', expected some of input_ids"),
        ):
            refused((ValueError, TypeError), line, lambda changes=changes: attached.loss(batch | changes))
        refused(TypeError, r"^batch: got 'Tensor', expected a mapping", lambda: attached.loss(batch["labels"]))

    def test_sizes_of_emu3(self):
        attached, batch = attach(published("emu3")), batch_of("emu3")
        refused(ValueError, r"^image_sizes: got None, expected", lambda: attached.loss(batch | {"image_sizes": None}))
        batch["image_sizes"][0, 0] = 20
        refused(ValueError, r"^image_sizes: got 'grids \[\(10, 4\)", lambda: attached.loss(batch))

    def test_drawings(self):
        attached, prompts = attach(published("chameleon")), batch_of("chameleon")["prompts"]
        for options, line in (
            ({"grid": (0, 4)}, r"^grid: got 0, expected an integer from 1 to 1024"),
            ({"grid": GRID, "guidance": 2.0}, r"^unconditional: got None, expected a tensor"),
            ({"grid": GRID, "guidance": 2.0, "unconditional": prompts[:2]}, r"^unconditional: got shape \(2, 3\)"),
            ({"grid": GRID, "temperature": -1.0}, r"^temperature: got -1.0, expected"),
        ):
            refused((ValueError, TypeError), line, lambda options=options: attached.draw(prompts, **options))
        line = r"^decoder: got None, expected a function of codes \(N, h, w\): ChameleonForConditionalGeneration has no"
        refused(ValueError, line, lambda: attached.generate(prompts, grid=GRID))
        refused(
            ValueError,
            r"^codes: got ",
            lambda: attached.decode(torch.tensor([[[0, 16]]])),
        )


class TestFolders:
    @pytest.mark.parametrize("name", FAMILIES)
    def test_a_folder_is_opened(self, name, folders):
        attached, batch = attach(folders[name]), batch_of(name)
        expected = attach(published(name)).eval().loss(batch)
        found = attached.eval().loss(batch)
        assert all(torch.equal(found[term], expected[term]) for term in expected)
        model = open_model(folders[name], torch.bfloat16)
        assert {p.dtype for p in model.parameters()} == {torch.bfloat16}

    def test_a_missing_folder_or_another_model(self, folder, tmp_path):
        refused(FileNotFoundError, r"config.json: got 'no such file', expected", lambda: attach(tmp_path / "none"))
        change(folder, model_type="gpt2")
        refused(ValueError, r"model_type: got 'gpt2', expected one of chameleon, emu3, janus", lambda: attach(folder))

    def test_code_in_the_folder_is_not_run(self, folder):
        ran = folder / "ran"
        (folder / "modeling_own.py").write_text(f"open({str(ran)!r}, 'w')\n")
        change(folder, auto_map={"AutoModel": "modeling_own.Own"})
        refused(ValueError, r"config.json: got \"auto_map, code of the folder's own\"", lambda: attach(folder))
        vq = json.loads((folder / "config.json").read_text())["vq_config"]
        change(folder, auto_map=None, vq_config=vq | {"auto_map": {"AutoModel": "modeling_own.Own"}})
        refused(ValueError, r"config.json: got \"auto_map, code of the folder's own\"", lambda: attach(folder))
        assert not ran.exists()

    def test_a_pickle_is_not_read(self, folder):
        class Bomb:
            def __reduce__(self):
                return (Path.write_text, (folder / "ran", "pickled code ran"))

        (folder / "model.safetensors").unlink()
        (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"lm_head.weight": Bomb()}))
        refused(ValueError, r"^model .*: got 'no model \(", lambda: attach(folder))
        assert not (folder / "ran").exists()

    def test_truncated_and_missing_weights(self, folder):
        weights = folder / "model.safetensors"
        whole = weights.read_bytes()
        weights.write_bytes(whole[: len(whole) // 2])
        refused(ValueError, r"^model .*: got", lambda: attach(folder))
        weights.write_bytes(whole)
        attach(folder)
        change(folder, intermediate_size=2**40)
        refused(
            ValueError, r"config.json, intermediate_size: got 1099511627776, expected at most", lambda: attach(folder)
        )

    def test_a_configuration_of_other_sizes(self, folder):
        change(folder, num_hidden_layers=3)
        refused(ValueError, r"^model .*: got \"no weights for \['model.layers.2", lambda: attach(folder))


class TestCheckpoints:
    def test_damaged_and_foreign_checkpoints(self, tmp_path):
        attached = attach(published("chameleon"), OPTIONS)
        attached.save(tmp_path / "a")
        weights = tmp_path / "a" / "weights.safetensors"
        refused(
            ValueError,
            r"family: got 'ChameleonFor.*', expected Emu3For",
            lambda: load(tmp_path / "a", published("emu3")),
        )
        other = attach(published("chameleon"), OPTIONS, through="none")
        refused(ValueError, r"through: got 'soft', expected none, as this model", lambda: other.restore(tmp_path / "a"))
        other = attach(published("chameleon"))
        refused(ValueError, r"infotok: got True, expected that of this model", lambda: other.restore(tmp_path / "a"))
        weights.write_bytes(weights.read_bytes()[:-10])
        refused(
            ValueError, r"weights.safetensors: got 'a truncated", lambda: load(tmp_path / "a", published("chameleon"))
        )
        weights.write_bytes(pickle.dumps({}))
        refused(
            ValueError, r"weights.safetensors: got 'a truncated", lambda: load(tmp_path / "a", published("chameleon"))
        )
        weights.unlink()
        refused(FileNotFoundError, r"weights.safetensors: got", lambda: load(tmp_path / "a", published("chameleon")))

    def test_nothing_is_loaded_of_what_does_not_fit(self, tmp_path):
        attached = attach(published("chameleon"), OPTIONS, frozen=True)
        attached.save(tmp_path)
        other = attach(published("chameleon", seed=1), OPTIONS, frozen=True)
        other.model.lm_head.weight.requires_grad_(False)
        before = {key: each.clone() for key, each in other.state_dict().items()}
        refused(ValueError, r"model: got 'lm_head.weight in one of the two'", lambda: other.restore(tmp_path))
        assert all(torch.equal(before[key], each) for key, each in other.state_dict().items())

    def test_an_optimiser_of_another_kind(self, tmp_path):
        attached = attach(published("chameleon"), OPTIONS)
        sgd = torch.optim.SGD(attached.parameters())
        refused(TypeError, r"^optimiser: got 'SGD', expected a torch.optim.AdamW", lambda: attached.save(tmp_path, sgd))


def change(folder: Path, **values) -> None:
    """Change values of the folder's configuration; None removes one."""
    config = json.loads((folder / "config.json").read_text()) | values
    (folder / "config.json").write_text(json.dumps({key: value for key, value in config.items() if value is not None}))
