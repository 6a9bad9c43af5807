"""Data whose information is known: every sampler carries its truth.

- `discrete`  finite sources: `DiscreteSource`, `BinarySymmetricSource`, `ErasureSource`, `HierarchicalSource`
"""

from infotok.worlds.discrete import BinarySymmetricSource, DiscreteSource, ErasureSource, HierarchicalSource

__all__ = ["BinarySymmetricSource", "DiscreteSource", "ErasureSource", "HierarchicalSource"]
