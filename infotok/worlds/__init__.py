"""Data with known answers.

- `gaussians`   pairs that carry their mutual information: `JointGaussian`, `JointStudentT`, `AdditiveUniform`
- `discrete`    finite sources: `DiscreteSource`, `BinarySymmetricSource`, `ErasureSource`, `HierarchicalSource`
- `digits`      real images with labels: `load_images`, `ImageWorld`, `Split`
- `nuisance`    digits with a labelled texture or second digit laid over: `NuisanceDigits`
"""

from infotok.worlds.digits import ImageWorld, Split, load_images
from infotok.worlds.discrete import BinarySymmetricSource, DiscreteSource, ErasureSource, HierarchicalSource
from infotok.worlds.gaussians import AdditiveUniform, JointGaussian, JointStudentT
from infotok.worlds.nuisance import NuisanceDigits

__all__ = [
    "AdditiveUniform",
    "BinarySymmetricSource",
    "DiscreteSource",
    "ErasureSource",
    "HierarchicalSource",
    "ImageWorld",
    "JointGaussian",
    "JointStudentT",
    "NuisanceDigits",
    "Split",
    "load_images",
]
