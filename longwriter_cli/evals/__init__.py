"""Measures of long outputs."""
