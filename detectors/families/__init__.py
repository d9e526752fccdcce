"""What each family runs: one module per family, a function ``detectors(config)`` in each."""
