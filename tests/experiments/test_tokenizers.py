"""Variants of a tokenizer on ShapesWorld: one run of each, the plan of a sweep, and comparisons paired by seed."""

import numpy as np
import pytest
from scipy.stats import t as student

from infotok.experiments.tokenizers import VARIANTS, compare, example_scenes, nats, plan, select, train_tokenizer
from infotok.images import packed

SIZES = {"bits": 2, "nuisance": 0.5, "steps": 16, "images": 200, "probe": 2}
GROUPS = ("structure", "jitter", "nuisance")


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_run_of_each_variant(variant):
    row = train_tokenizer(variant, VARIANTS[variant], 0, **SIZES, evaluations=2)
    assert [each["step"] for each in row["path"]] == [6, 16]
    assert all(isinstance(each[group], float) for each in row["path"] for group in GROUPS)
    assert all(row[f"{group}_half"] >= 0 for group in GROUPS)
    assert 0 <= row["entropy_bits"] <= 2
    assert len(row["drawn"]) == 5
    assert 0 < row["psnr"] < 60


def test_a_variant_without_weight_is_the_baseline():
    base = train_tokenizer("baseline", {}, 0, **SIZES)
    nothing = train_tokenizer("nothing", {"compression": 0.0, "consistency": 0.0}, 0, **SIZES)
    assert nothing["psnr"] == base["psnr"]
    assert nothing["drawn"] == base["drawn"]
    head = train_tokenizer("caption head", VARIANTS["caption head"], 0, **SIZES)
    assert head["drawn"] != base["drawn"], "its gradient reaches the tokenizer"


def test_every_run_reconstructs_the_same_scenes():
    scenes, images = example_scenes(0.5)
    again, same = example_scenes(0.5)
    assert (scenes.cells == again.cells).all()
    assert packed(images[:5]) == packed(same[:5])
    assert packed(example_scenes(0.8)[1][:5]) != packed(images[:5])


def test_the_plan_is_paired_by_seed_and_has_each_corner_once():
    at = {"bits": 3, "nuisance": 0.5, "steps": 16}
    cells = plan(7, 2, at, evaluations=3, bits=[1, 6], nuisance=[0.2])
    main = [cell for cell in cells if cell["evaluations"] == 3]
    assert {(cell["variant"], cell["seed"]) for cell in main} == {(name, seed) for name in VARIANTS for seed in (7, 8)}
    dials = cells[len(main) :]
    corners = {(cell["bits"], cell["nuisance"]) for cell in dials}
    assert corners == {(1, 0.2), (6, 0.2), (3, 0.2), (1, 0.5), (6, 0.5)}
    assert len(dials) == len(corners) * (len(VARIANTS) - 1)
    assert all(cell["seed"] == 7 and cell["steps"] == 16 for cell in dials)
    assert len({str(cell) for cell in cells}) == len(cells)


def rows(values):
    "Rows of two variants, the later seeds first, with these nats of structure."
    return [
        {"variant": name, "bits": 3, "nuisance": 0.5, "seed": seed, "path": [{"structure": 0.0}, {"structure": value}]}
        for name, of_variant in values.items()
        for seed, value in reversed(list(enumerate(of_variant)))
    ]


def test_rows_are_found_by_setting_and_ordered_by_seed():
    found = rows({"baseline": [5.0, 6.0, 7.0], "InfoTok HSIC": [8.0, 8.0, 9.5]})
    assert [row["seed"] for row in select(found, "InfoTok HSIC", 3, 0.5)] == [0, 1, 2]
    assert select(found, "InfoTok HSIC", 3, 0.8) == []
    assert nats(found, "baseline", "structure", 3, 0.5).tolist() == [5.0, 6.0, 7.0]


def test_a_comparison_is_students_interval_of_paired_differences():
    found = rows({"baseline": [5.0, 6.0, 7.0], "InfoTok HSIC": [8.0, 8.0, 9.5]})
    differences = np.array([3.0, 2.0, 2.5])
    half = student.ppf(0.975, 2) * differences.std(ddof=1) / np.sqrt(3)
    low, mean, high = compare(found, "InfoTok HSIC", "structure", 3, 0.5)
    assert (low, mean, high) == pytest.approx((2.5 - half, 2.5, 2.5 + half))
    other = [row | {"seed": row["seed"] + (row["variant"] != "baseline")} for row in found]
    with pytest.raises(ValueError, match=r"rows: got 'seeds \[1, 2, 3\] of InfoTok HSIC', expected those of baseline"):
        compare(other, "InfoTok HSIC", "structure", 3, 0.5)
