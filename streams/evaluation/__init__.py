"""How well the live engine and its detectors judge, on data with known outcomes."""
