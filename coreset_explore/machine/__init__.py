"""The machine that a run is on: threads, devices, random generators, memory, results kept on disk."""
