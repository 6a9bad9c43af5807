"""The exercises of lesson 05."""

from infotok.lab.exercises.exercise import Exercise

units = Exercise(
    r"$\sigma$ is set to the median of *squared* distances. Then all data are multiplied by 10, as when metres "
    r"become decimetres. By which factor do the exponents $|a-b|^2 / 2\sigma^2$ change?",
    answer=0.01,
    mistakes={
        1: r"That is the result with $\sigma$ a distance. Here $\sigma$ grows by 100, not by 10.",
        100: r"That is the factor of the squared distances alone; $\sigma$ changes too.",
        0.1: r"$\sigma$ enters squared: $100 / 100^2$.",
    },
    hint=r"Squared distances grow by $10^2$, and so does this $\sigma$. Put both into $|a-b|^2 / 2 \sigma^2$.",
    solution=r"$10^2 / (10^2)^2 = 0.01$. The exponents become nearly 0 and every kernel entry nearly 1. The Gaussian "
    "kernel has become almost constant: the unit has changed the result.",
)

affine = Exercise(
    r"$Z = 3X + 2$ in one dimension. What is nHSIC$(Z, X)$ with Gaussian kernels and $\sigma$ the median distance?",
    answer=1.0,
    mistakes={
        0: "nHSIC is 0 for independent variables; these two determine each other.",
        9: "nHSIC is a cosine: at most 1.",
        1 / 3: "The median distance of $Z$ is three times that of $X$, so the scale cancels.",
    },
    hint="What are the distances of $Z$, in units of their median?",
    solution="Shift and scale cancel in distance over median distance, so both kernel matrices are the same, and the "
    "cosine of a matrix with itself is 1. The mutual information is infinite: nHSIC does not measure precision.",
)
