"""The control store's migrations, run by ``connectors.control.engine.upgrade``."""
