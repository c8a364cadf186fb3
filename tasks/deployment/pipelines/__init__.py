"""Pipelines for GitHub Actions and GitLab, made from [tool.tranship.ci] and the stack."""
