"""Typed `params.yaml`: a frozen model for each section, with defaults for what no experiment is about.

The modules hold types, checks and defaults. Types and checks cannot change a value; the defaults of the sections that a
stage loads are part of its fingerprint (see pipeline/fingerprint.py), the rest of this package is not.
"""
