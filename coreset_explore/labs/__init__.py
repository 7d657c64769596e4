"""Laboratories: what selections are worth where they are used, each a setting, a run and the questions it answers."""
