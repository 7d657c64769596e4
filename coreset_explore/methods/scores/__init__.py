"""Scores, one paper a file: how hard each row is, higher being harder."""
