"""difflab: a reproducible research pipeline for generative vision models."""
