"""`difflab docs`: the generated parts of README.md and docs/: findings, numbers, and the reference pages."""
