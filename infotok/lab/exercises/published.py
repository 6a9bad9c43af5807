"""The exercises of lesson 15."""

from infotok.lab.exercises.exercise import Exercise

_TOKENS, _NEAR, _WIDTH = 1024, 32, 4096
_GIB = _TOKENS * _NEAR * _WIDTH * 4 / 2**30

gather = Exercise(
    f"The soft surrogate mixes the embeddings of the {_NEAR} nearest codes. Written naively it gathers them for each "
    f"token first. A Chameleon image has {_TOKENS:,} tokens, and an embedding {_WIDTH:,} numbers of 4 bytes. How many "
    "GiB would one image take?",
    answer=_GIB,
    unit="GiB",
    mistakes={
        _GIB / 4: "A number has 4 bytes.",
        _GIB / _NEAR: f"Each token has {_NEAR} embeddings.",
        _GIB * 2**30 / 1e9: "That is in GB. A GiB has 2^30 bytes.",
    },
    hint="Tokens, times codes, times numbers, times bytes; then divide by 2^30.",
    solution=f"1,024 x 32 x 4,096 x 4 bytes = {_GIB:.2f} GiB, for one image of a batch. The package goes through the "
    "tokens in chunks and keeps only the weights and which codes they belong to.",
)

_CODES, _DIM = 1025, 256

fit = Exercise(
    f"A least-squares map with an intercept goes from {_DIM} numbers of a code vector to the embeddings of "
    f"{_CODES:,} codes. Suppose that embeddings have nothing to do with code vectors. What R2 does the fit have on "
    "average?",
    answer=_DIM / (_CODES - 1),
    unit="",
    mistakes={
        0.0: "That is what the map explains of new codes. These are the codes that it was fitted to.",
        1.0: "It has fewer numbers than there are codes.",
    },
    hint="A projection onto D random directions among K - 1 keeps this share of a random vector's square.",
    solution=f"{_DIM}/{_CODES - 1} = {_DIM / (_CODES - 1):.2f}. So an R2 has to be compared with D / (K - 1) before "
    "it says that the linear surrogate knows anything.",
)
