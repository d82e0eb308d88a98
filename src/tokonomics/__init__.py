"""Tokonomics: what a million LLM tokens really cost at your own load."""

__version__ = "0.1.0"
