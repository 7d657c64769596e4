"""Pickers, one paper a file: each turns any score into a selection."""
