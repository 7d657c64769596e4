"""Seeded generators, one a purpose."""

from __future__ import annotations

import hashlib

import torch


def generator(seed: int, what: str) -> torch.Generator:
    """A CPU generator for one purpose: different purposes draw independently from one seed."""
    digest = hashlib.sha256(f"{seed}/{what}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)
