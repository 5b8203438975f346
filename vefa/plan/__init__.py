"""A journey as a frozen plan: what the engine runs, `explain` tells and Prefect shows."""
