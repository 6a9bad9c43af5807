"""The documented answers: values that look bad and are not, with the reason in words."""

# reason -> places, each "area.call | argument | kinds of bad values", all with * and ?
ANSWERS: dict[str, tuple[str, ...]] = {
    "finite numbers of any size are taken where the answer is finite": ("* | * | huge numbers, tiny numbers, constant",),
    "a weight, rate or rate's unit is any number from 0, and 0 leaves the term out": (
        "* | *weight | zero, two, huge, tiny",
        "* | beta | zero, two, huge, tiny",
        "* | free_bits | zero, two, huge, tiny",
        "* | l1 | zero, two, huge, tiny",
        "* | l2 | zero, two, huge, tiny",
        "* | commitment | zero, two, huge, tiny",
        "* | diversity | zero, two, huge, tiny",
        "* | guidance | zero, two, tiny",
        "* | clip | two, huge, tiny",
        "* | compression | zero, two, huge, tiny",
        "* | relevance | zero, two, huge, tiny",
        "* | generation | zero, two, huge, tiny",
        "* | consistency | zero, two, huge, tiny",
        "* | understanding | zero, two, huge, tiny",
    ),
    "a scale is any number above 0": (
        "* | *temperature | two, huge, tiny",
        "* | bandwidth* | two, huge, tiny",
        "* | noise | two, huge, tiny",
        "* | learning_rate | two, huge, tiny",
        "* | tol* | two, huge, tiny",
    ),
    "a probability or share may be 0, or next to it": (
        "* | decay | zero, tiny",
        "* | drop | zero, tiny",
        "* | alpha | zero, tiny",
        "* | nuisance | zero, tiny",
        "* | strength | zero, tiny",
        "* | level | tiny",
    ),
    "any integer from 0 is a seed": ("* | seed | zero, huge",),
    "0 steps of warm-up are none": ("* | warmup | zero", "* | blend | zero", "* | lora | zero", "* | jitter | zero"),
    "a description is any text, also an empty one": ("lab.Exercise* | question, solution, hint | text, empty",),
}
