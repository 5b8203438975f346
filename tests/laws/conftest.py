"""How hard the laws are tried: quickly and the same way every time, or at length with HYPOTHESIS_PROFILE=thorough."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
settings.register_profile("default", derandomize=True, deadline=None, database=None, suppress_health_check=_CHECKS)
settings.register_profile(
    "thorough", deadline=None, database=None, suppress_health_check=_CHECKS, max_examples=2_000, print_blob=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
