"""Measurements, each with named peers in the same run. Everything stays on loopback."""
