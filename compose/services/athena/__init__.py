"""What every Athena service is built from: settings, logs, metrics, health, clients."""
