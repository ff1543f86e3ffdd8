"""Typed `params.yaml`: a frozen model for each section, with defaults for settings that experiments rarely change.

The modules contain types, checks and defaults. Types and checks cannot change a value. The defaults of the sections
that a stage loads are part of its fingerprint (see pipeline/fingerprint.py); the rest of this package is not.
"""
