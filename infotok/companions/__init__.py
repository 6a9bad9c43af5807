"""Companion methods by the paper's authors, each one module with its information-theoretic reading."""
