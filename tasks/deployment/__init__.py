"""What production asks for: images, hardening, monitoring, more machines, pipelines."""
