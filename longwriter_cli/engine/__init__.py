"""Scheduling of async callables. Knows neither models nor files."""
