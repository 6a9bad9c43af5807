"""Measuring mutual information."""
