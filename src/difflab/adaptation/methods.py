"""The methods of domain adaptation that are compared, in the order of the metrics and figures."""

from __future__ import annotations

from difflab.config.training import Method

METHODS: tuple[Method, ...] = ("source-only", "dann", "dann-mcc", "target-only")
