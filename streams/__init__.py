"""Composition: the engine, the Faust agents, checkpoints, recorder, notifier, replay and the command line."""
