"""Numbered migrations, run in the order of their numbers and never changed once released."""
