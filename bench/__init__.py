"""Measurements, each beside named peers in the same run, on one core. Everything stays on loopback."""
