"""Moving-average crossover over the candles; its orders go through executor-service."""
