"""A simulated city: enterprises, their signals of five families, and stories planted among them."""

from connectors.simulator.city import City
from connectors.simulator.source import CitySource
from connectors.simulator.stories import Decoy, Story

__all__ = ["City", "CitySource", "Decoy", "Story"]
