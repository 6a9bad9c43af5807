"""Drawings, answers, other trainers, adapters and checkpoints of attached models."""

import copy

import pytest
import torch
from published_models import CODES, END, FAMILIES, GRID, TEXT, WORDS, batch_of, published, question_of
from torch import nn
from transformers import Trainer, TrainingArguments, set_seed

from infotok.bottleneck import InfoTok
from infotok.checkpoints import load_checkpoint, save_checkpoint
from infotok.published import attach, load

OPTIONS = {"text_dim": TEXT, "consistency": 1.0, "compression": 0.01}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def trained_parameters(attached: nn.Module) -> list[nn.Parameter]:
    return [p for p in attached.parameters() if p.requires_grad]


def step(attached: nn.Module, optimiser: torch.optim.Optimizer, batch: dict, seed: int) -> None:
    optimiser.zero_grad()
    sum(attached.loss(batch, seeded(seed)).values()).backward()
    optimiser.step()


@torch.no_grad()
def teacher_forced(name: str, model: nn.Module, prompts: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
    """Logits (N, h w, K) of the codes behind prompts, by one published pass over ids, or over Janus' own embeddings."""
    flat = codes.flatten(1)
    if name == "janus":
        words = model.get_input_embeddings()(prompts)
        embeddings = torch.cat([words, model.prepare_embeddings_for_image_generation(flat)], 1)
        states = model.model.language_model(inputs_embeds=embeddings).last_hidden_state
        return model.model.generation_head(states)[:, prompts.shape[1] - 1 : -1]
    rows = WORDS + 7 * codes % CODES
    if name == "emu3":
        rows = torch.cat([rows, torch.full((*rows.shape[:2], 1), END)], 2)
    ids = torch.cat([prompts, rows.flatten(1)], 1)
    states = model.model(input_ids=ids).last_hidden_state
    logits = model.lm_head(states)[:, prompts.shape[1] - 1 : -1]
    return logits[:, rows[0].flatten() != END][..., WORDS + 7 * torch.arange(CODES) % CODES]


@pytest.mark.parametrize("name", FAMILIES)
class TestDrawing:
    @pytest.mark.parametrize("cached", [True, False])
    def test_greedy_codes_are_the_most_probable_ones(self, name, cached):
        model, prompts = published(name), batch_of(name)["prompts"]
        codes = attach(model).draw(prompts, grid=GRID, temperature=0, cached=cached)
        assert torch.equal(codes.flatten(1), teacher_forced(name, model, prompts, codes).argmax(-1))
        assert len(codes.unique()) > 1

    def test_guidance_mixes_logits_with_and_without_the_prompt(self, name):
        model, prompts = published(name), batch_of(name)["prompts"]
        other = prompts[:1, -1:]
        codes = attach(model).draw(prompts, grid=GRID, temperature=0, guidance=3.0, unconditional=other)
        logits = teacher_forced(name, model, prompts, codes)
        without = teacher_forced(name, model, other.expand(4, 1), codes)
        assert torch.equal(codes.flatten(1), (without + 3 * (logits - without)).argmax(-1))

    def test_padding_changes_nothing(self, name):
        attached, batch = attach(published(name)).eval(), batch_of(name)
        prompts = batch["prompts"]
        expected = attached.draw(prompts, grid=GRID, generator=seeded())
        losses = [attached.loss(batch)["generation"]]
        for pads in ((2, 0), (0, 2)):
            padded, mask = (torch.nn.functional.pad(each, pads) for each in (prompts, torch.ones_like(prompts)))
            assert torch.equal(attached.draw(padded, mask, grid=GRID, generator=seeded()), expected)
            losses.append(attached.loss(batch | {"prompts": padded, "prompts_mask": mask})["generation"])
        torch.testing.assert_close(losses[1:], losses[:1] * 2)

    def test_the_generation_loss_is_the_cross_entropy_of_its_own_logits(self, name):
        model, batch = published(name), batch_of(name)
        attached = attach(model).eval()
        codes = attached.tokens(batch["pixel_values"], batch.get("image_sizes"))
        logits = teacher_forced(name, model, batch["prompts"], codes)
        expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), codes.flatten())
        torch.testing.assert_close(attached.loss(batch)["generation"].detach(), expected)

    def test_sampled_codes_follow_the_distribution(self, name):
        """The share of each first code in 2,000 drawings of one prompt, within four standard errors."""
        model, prompts = published(name), batch_of(name)["prompts"][:1]
        codes = attach(model).draw(prompts.expand(2000, -1), grid=(1, 1), generator=seeded())
        if name == "janus":
            states = model.model.language_model(input_ids=prompts).last_hidden_state
            expected = model.model.generation_head(states)[0, -1].softmax(-1).detach()
        else:
            logits = model.lm_head(model.model(input_ids=prompts).last_hidden_state)[0, -1]
            expected = logits[WORDS + 7 * torch.arange(CODES) % CODES].softmax(-1).detach()
        found = codes.flatten().bincount(minlength=CODES) / 2000
        assert ((found - expected).abs() < 4 * (expected * (1 - expected) / 2000).sqrt() + 1e-3).all()

    def test_generate_decodes_what_is_drawn(self, name):
        decoder = (lambda codes: codes[:, None].float()) if name == "chameleon" else None
        attached, prompts = attach(published(name), decoder=decoder), batch_of(name)["prompts"]
        found = attached.generate(prompts, grid=GRID, temperature=0)
        assert torch.equal(found, attached.decode(attached.draw(prompts, grid=GRID, temperature=0)))

    def test_answers_are_the_published_ones(self, name):
        model, batch = published(name), batch_of(name)
        path = {"path": "siglip"} if name == "janus" else {}
        inputs = question_of(batch)
        found = attach(model, **path).answer(inputs, max_new_tokens=4)
        expected = model.generate(**inputs, max_new_tokens=4, do_sample=False)
        assert torch.equal(found, expected[:, batch["input_ids"].shape[1] :])
        assert found.shape == (4, 4)


def test_janus_draws_what_its_published_generate_draws():
    """With guidance: the published loop reads pads in place of the prompt, all but the first and the last id."""
    model, prompts = published("janus"), batch_of("janus")["prompts"]
    begin, last = 1, 39
    prompts[:, 0], prompts[:, -1] = begin, last
    model.generation_config.generation_kwargs = {"boi_token_id": last}
    asked = {"do_sample": False, "guidance_scale": 3, "attention_mask": torch.ones_like(prompts)}
    expected = model.generate(prompts, generation_mode="image", **asked)
    other = prompts.clone()
    other[:, 1:-1] = 0
    found = attach(model).draw(prompts, grid=GRID, temperature=0, guidance=3.0, unconditional=other)
    assert torch.equal(found.flatten(1), expected)


@pytest.mark.parametrize("name", FAMILIES)
class TestOtherTrainers:
    def test_the_installed_forward_pass_is_the_loss(self, name):
        attached, batch = attach(published(name), OPTIONS, near=6).eval(), batch_of(name)
        expected = attached.loss(batch)
        model = attached.install()
        output = model(**batch)
        torch.testing.assert_close(output.loss, sum(expected.values()))
        assert attached.terms.keys() == expected.keys()
        assert output.logits.shape[:2] == batch["input_ids"].shape
        assert any(key.startswith("infotok.") for key, _ in model.named_parameters())
        text = {key: batch[key] for key in ("attention_mask", "labels")} | {"input_ids": batch["input_ids"].clamp(5)}
        alone = type(model).forward(model, **text).loss
        assert torch.equal(model(**text, text=batch["text"]).loss, alone), "text without images is as published"
        inputs = question_of(batch)
        answers = attached.answer(inputs, max_new_tokens=3)
        assert torch.equal(model.generate(**inputs, max_new_tokens=3, do_sample=False)[:, -3:], answers)
        assert attached.uninstall() is model
        assert not any(key.startswith("infotok.") for key in model.state_dict())
        assert "forward" not in vars(model)

    def test_hugging_face_trainer(self, name, tmp_path):
        """The Trainer's batches, in two steps of two accumulated batches; InfoTok and the encoder are trained."""
        attached = attach(published(name), OPTIONS, near=6)
        model, batch = attached.install(), batch_of(name, 8)
        rows = [{key: each[row] for key, each in batch.items()} for row in range(8)]
        before = copy.deepcopy(model.state_dict())
        arguments = TrainingArguments(
            str(tmp_path), per_device_train_batch_size=2, max_steps=2, gradient_accumulation_steps=2, report_to=[],
            use_cpu=True, save_strategy="no", disable_tqdm=True, learning_rate=1e-2, logging_steps=1, seed=0,
            dataloader_pin_memory=False,
        )  # fmt: skip
        trainer = Trainer(model=model, args=arguments, train_dataset=rows)
        trainer.train()
        assert attached.terms.keys() == {"infotok", "quantizer", "understanding", "generation"}
        moved = {key for key, each in model.state_dict().items() if not torch.equal(each, before[key])}
        encoder = [key for key in before if key.startswith("model.vqmodel.encoder") and "running" not in key]
        named = dict(model.named_parameters())
        assert {key for key in encoder if key in named} <= moved
        assert any(key.startswith("infotok.") for key in moved)
        logged = [row["loss"] for row in trainer.state.log_history if "loss" in row]
        assert logged[-1] == pytest.approx(float(sum(attached.terms.values())), rel=0.3), "a mean, not a sum of batches"


def test_the_trainer_resumes_an_installed_model(tmp_path):
    """InfoTok is in the Trainer's own checkpoints: four steps are two and two, to the bit."""

    def trained(folder, steps, seed, resume=False):
        set_seed(seed)
        attached, batch = attach(published("chameleon"), OPTIONS, near=6), batch_of("chameleon", 8)
        arguments = TrainingArguments(
            str(tmp_path / folder), per_device_train_batch_size=2, max_steps=steps, report_to=[], use_cpu=True,
            save_steps=2, disable_tqdm=True, learning_rate=1e-2, lr_scheduler_type="constant", seed=0,
            dataloader_pin_memory=False,
        )  # fmt: skip
        set_seed(seed)
        rows = [{key: each[row] for key, each in batch.items()} for row in range(8)]
        Trainer(model=attached.install(), args=arguments, train_dataset=rows).train(resume_from_checkpoint=resume)
        return attached.model.state_dict()

    whole = trained("whole", 4, seed=0)
    trained("parts", 2, seed=0)
    for key, tensor in trained("parts", 4, seed=1, resume=True).items():
        assert torch.equal(tensor, whole[key]), key
    assert any(key.startswith("infotok.") for key in whole)


@pytest.mark.parametrize("name", FAMILIES)
class TestAdapters:
    def test_lora_trains_adapters_infotok_and_the_tokenizer(self, name):
        model = published(name).bfloat16()
        attached, batch = attach(model, OPTIONS, lora=2, near=6).train(), batch_of(name)
        parts = {"model.vqmodel", "lora", "infotok"}
        kinds = {
            next((part for part in parts if part in key), key): p.dtype
            for key, p in attached.named_parameters()
            if p.requires_grad
        }
        assert kinds == dict.fromkeys(parts, torch.float32)
        before = copy.deepcopy(attached.state_dict())
        optimiser = torch.optim.AdamW(trained_parameters(attached), lr=1e-2)
        for seed in range(2):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                terms = attached.loss(batch, seeded(seed))
            optimiser.zero_grad()
            sum(terms.values()).backward()
            optimiser.step()
        frozen = {key for key, p in attached.named_parameters() if not p.requires_grad}
        after = attached.state_dict()
        assert all(torch.equal(after[key], before[key]) for key in frozen)
        adapters = [key for key in after if ".lora_" in key]
        assert all(not torch.equal(after[key], before[key]) for key in adapters)
        assert len(adapters) == 2 * 2 * 7, "two layers of seven linear maps"


@pytest.mark.parametrize("name", FAMILIES)
class TestCheckpoints:
    @pytest.mark.parametrize("options", [{}, {"lora": 2, "through": "linear"}, {"frozen": True}])
    def test_a_run_goes_on_as_if_it_had_not_stopped(self, name, options, tmp_path):
        infotok = OPTIONS | ({"placement": "adapter"} if "frozen" in options else {})
        attached, batch = attach(published(name), infotok, near=6, **options).train(), batch_of(name)
        optimiser = torch.optim.AdamW(trained_parameters(attached), lr=1e-2)
        for seed in range(2):
            step(attached, optimiser, batch, seed)
        attached.save(tmp_path / "saved", optimiser, 2)
        again = load(tmp_path / "saved", published(name))
        assert again.options == attached.options
        expected = attached.eval().loss(batch)
        found = again.loss(batch)
        assert all(torch.equal(found[term], expected[term]) for term in expected)
        other = torch.optim.AdamW(trained_parameters(again), lr=1e-2)
        assert again.restore(tmp_path / "saved", other) == 2
        for each, own in ((attached.train(), optimiser), (again.train(), other)):
            step(each, own, batch, 2)
        for key, tensor in attached.state_dict().items():
            assert torch.equal(tensor, again.state_dict()[key]), key

    def test_what_stays_as_published_is_not_written(self, name, tmp_path):
        attached = attach(published(name), OPTIONS, lora=2)
        attached.save(tmp_path)
        written = (tmp_path / "weights.safetensors").stat().st_size
        own = sum(p.numel() for p in trained_parameters(attached))
        assert written < 4 * own + 40_000
        assert own < sum(p.numel() for p in attached.parameters())

    def test_a_module_is_given_again(self, name, tmp_path):
        dim = 4 if name == "emu3" else 6
        attached = attach(published(name), InfoTok(dim, compression=0.1, prior="learned"))
        attached.infotok.prior.mean.data.fill_(0.5)
        attached.save(tmp_path)
        with pytest.raises(ValueError, match=r"^infotok: got None, expected the module that was attached"):
            load(tmp_path, published(name))
        again = load(tmp_path, published(name), infotok=InfoTok(dim, compression=0.1, prior="learned"))
        assert (again.infotok.prior.mean == 0.5).all()


@pytest.mark.parametrize("lora", [0, 2])
@pytest.mark.parametrize("name", FAMILIES)
def test_a_checkpoint_loads_into_its_own_published_model_alone(name, lora, tmp_path):
    """Adapters of one model in another of the same shapes gave an answer, and not theirs."""
    attached = attach(published(name), lora=lora)
    attached.save(tmp_path)
    with pytest.raises(ValueError, match=", model: got 'what was trained on another published model', expected that"):
        load(tmp_path, published(name, seed=1))
    for dtype in (torch.float32, torch.bfloat16):  # another type of the same weights is the same model
        assert load(tmp_path, published(name).to(dtype)).options == attached.options


def test_a_checkpoint_of_before_is_loaded_without_a_comparison(tmp_path):
    attach(published("janus"), lora=2).save(tmp_path)
    tensors, meta = load_checkpoint(tmp_path)
    assert tensors.pop("own.frozen").ndim == 1
    save_checkpoint(tmp_path, tensors, meta)
    load(tmp_path, published("janus", seed=1))


def test_a_module_is_not_given_to_a_checkpoint_that_makes_its_own(tmp_path):
    attached = attach(published("janus"), {"compression": 0.1})
    attached.save(tmp_path)
    with pytest.raises(ValueError, match="infotok: got 'InfoTok', expected None: this checkpoint has the options"):
        load(tmp_path, published("janus"), infotok=InfoTok(attached.infotok.dim, compression=0.1))
