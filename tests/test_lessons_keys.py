"""In every lesson that sweeps, each parameter, constant and helper moves the cells that are computed from it."""

import pytest
import torch
from clothes import REAL
from lessons import COURSE, keys_of_sweeps

from infotok.course.parameters import resolve

pytestmark = pytest.mark.slow

OF_OTHER_SIZE = {  # where the next value up would be refused, or says nothing
    "flips": {"flips": [0.2]},
    "betas": {"betas": [0.03, 1.0]},
    "chosen": {"chosen": 2.0},
    "levels": {"levels": [2]},
    "frequencies": {"frequencies": [1, 2]},
    "budgets": {"budgets": [4, 6]},
    "shown": {"budgets": [4, 6], "shown": 6},
    "strengths": {"strengths": [0.3]},
    "hosts": {"hosts": ["masked", "continuous"]},
    "studies": {"studies": ["headline"]},
    "variants": {"variants": {"mine": {"bound": "decoder", "consistency": 0.5, "compression": 0.0}}},
    "data": {"data": "fashion"},
    "repeat": {"repeat": ["digits"]},
    "live": {"live": ["normal 1x1"]},
    "codebooks": {"codebooks": [256]},
    "peers": {"peers": ["bmi ksg"]},
    "targets": {"targets": ["lamp"]},
    "source": {"source": "fashion"},
    "parts": {"parts": ["transfer"]},
    "model": {"model": "tiny/janus"},
    "fields": {"fields": {"captions": "caption"}},
    "sized": {"sized": ["Emu3-Chat"]},
}
OF_ONE_LESSON = {("14_real_pictures", "studies"): ["photographs"]}
# Which swept functions a parameter moves, where that is not all of the lesson's.
PARTS = {
    "01_measuring_information": {
        "dim": {"with_true_critic", "by_batch_size", "learned_critic"},
        "batch": {"with_true_critic", "learned_critic", "in_dimensions"},
        "levels": {"with_true_critic", "by_batch_size", "learned_critic"},
        "draws": {"with_true_critic", "by_batch_size"},
        "steps": {"learned_critic", "in_dimensions"},
        "dims": {"in_dimensions"},
        "samples": {"in_dimensions"},
    },
    "03_discrete_bottleneck": {"fidelity": set(), "points": set(), "flips": {"deviation"}, "joints": {"both"}},
    "05_hsic_bottleneck": {
        "samples": {"dependence"},
        "frequencies": {"dependence"},
        **{key: {"hsic_alone", "run"} for key in ("seeds", "steps", "images", "strength")},
    },
    "06_quantizers": {
        "levels": set(),
        "passes": set(),
        "film_passes": {"train_codebook"},
        **{key: {"train_on_patches"} for key in ("budgets", "shown", "steps", "batch")},
    },
    "07_shared_tokens": {"jobs": set(), "keep": set()},
    "11_infotok": {"jobs": set(), "keep": set()},
    "14_real_pictures": {"jobs": set(), "keep": set(), "judged": set()},
    "15_published_models": {name: set() for name in ("jobs", "keep", "model", "images", "lora", "sized")},
    "16_diffusion_pruning": {"jobs": set(), "keep": set()},
    "17_unlearnable_examples": {"jobs": set(), "keep": set()},
    "18_face_anti_spoofing": {"jobs": set(), "keep": set()},
    "19_benchmarks": {name: set() for name in ("dims", "timed", "repeats", "peers", "codebooks")},
}
# An edit of a constant and of a helper, and the functions that they move.
EDITS = {
    "00_start_here": [
        ("np.eye(10)[y]", "np.eye(11)[y]", {"measure"}),
        ("np.argmax(variance", "np.argmin(variance", {"measure"}),
    ],
    "01_measuring_information": [
        ("lr=5e-4", "lr=6e-4", {"learned_critic"}),
        ("mine(scores, average)", "mine(2 * scores, average)", {"learned_critic"}),
    ],
    "02_gaussian_bottleneck": [
        ("0.7, 2.0, dim_x", "0.7, 2.5, dim_x", {"train"}),
        ("-0.5 * np.log1p", "0.5 * np.log1p", {"train"}),
    ],
    "04_variational_bottleneck": [
        ("BITS = 1", "BITS = 2", {"train"}),
        ("weight_decay=1e-4", "weight_decay=1e-3", {"train"}),
    ],
    "05_hsic_bottleneck": [
        ("LEVELS = 4, 3, 4", "LEVELS = 4, 3, 5", {"run"}),
        ("20 * reconstruction", "30 * reconstruction", {"run"}),
        ("nn.Linear(64, 128), nn.GELU()", "nn.Linear(64, 128), nn.ReLU()", {"hsic_alone", "run"}),
    ],
    "06_quantizers": [
        ("[True, False]", "[True]", {"train_codebook"}),
        ("0.01, 0.003)", "0.01, 0.004)", {"train_on_patches"}),
    ],
    "07_shared_tokens": [
        ("runs.plan(seed, seeds", "runs.plan(seed, 1 + seeds", {"train_tokenizer"}),
        ('"probe": probe}', '"probe": 2 * probe}', {"train_tokenizer"}),
    ],
}


def lessons() -> list[str]:
    return [name for name in COURSE.names if "= sweep(" in COURSE.notebook(name).read_text()]


def another(name: str, value):
    if name in OF_OTHER_SIZE:
        return OF_OTHER_SIZE[name]
    if isinstance(value, list):
        return {name: value[:-1]}
    return {name: not value if isinstance(value, bool) else 0.9 * value if isinstance(value, float) else value + 2}


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", lessons())
def test_each_parameter_and_edit_moves_the_cells_computed_from_it(name):
    sizes = resolve(COURSE, [name], "smoke", [])[name]
    first = keys_of_sweeps(name, sizes)
    parts = PARTS.get(name, {})
    for parameter, value in sizes.items():
        if parameter == "keep":  # decides what is done with the rows, and may be refused
            continue
        if another(parameter, value).get(parameter) == "fashion" and not REAL.is_dir():  # the lesson reads photographs
            continue
        own = {parameter: OF_ONE_LESSON[name, parameter]} if (name, parameter) in OF_ONE_LESSON else {}
        changed = keys_of_sweeps(name, {**sizes, **another(parameter, value), **own})
        moved = {function for function in first if changed[function] != first[function]}
        assert moved == parts.get(parameter, set(first)), parameter
    for old, new, functions in EDITS.get(name, ()):
        changed = keys_of_sweeps(name, sizes, ((old, new),))
        assert {function for function in first if changed[function] != first[function]} == functions, new
