"""5 probes: cheap questions put to a model to learn about a sample."""
