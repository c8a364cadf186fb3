"""Kubernetes: manifests made from the stack, and what of it Kubernetes cannot express."""
