"""All drills, by name: the closed list that ``forewarn drill`` knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from streams.drill import kills, outages, overload, scaling
from streams.drill.scene import Scene


def _nothing() -> None:
    """Need nothing."""


@dataclass(frozen=True, slots=True)
class Drill:
    """One drill.

    Parameters
    ----------
    fault
        Does its harm to a loaded stack and returns when the stack can begin to recover.
    supervised
        Whether the supervisor keeps the two scorers; otherwise the drill runs them.
    small_disk
        Whether ClickHouse and the control store must be on a small disk.
    check
        Raises :class:`streams.drill.scene.NotPossibleError` where the machine does not allow the drill.
    """

    fault: Callable[[Scene], None]
    supervised: bool = True
    small_disk: bool = False
    check: Callable[[], object] = _nothing


#: In the order in which they are run: those on one stack behind each other.
DRILLS: Mapping[str, Drill] = MappingProxyType(
    {
        "kill-scorer": Drill(kills.kill_scorers(10)),
        "poison": Drill(outages.poison),
        "kill-one-of-two": Drill(kills.kill_one_of_two),
        "kill-broker": Drill(kills.kill_broker),
        "broker-away": Drill(outages.broker_away),
        "kill-recorder": Drill(kills.kill_recorder),
        "clickhouse-refuses": Drill(outages.clickhouse_refuses),
        "kill-clickhouse": Drill(kills.kill_clickhouse),
        "kill-notifier": Drill(kills.kill_notifier),
        "receiver-down": Drill(outages.receiver_down),
        "disk-full": Drill(outages.disk_full, small_disk=True),
        "kill-everything": Drill(kills.kill_everything),
        "scale-scorers": Drill(scaling.scale, supervised=False),
        "rolling-restart": Drill(scaling.rolling_restart, supervised=False),
        "freeze-scorer": Drill(scaling.freeze, supervised=False),
        "engine-bug": Drill(scaling.engine_bug, supervised=False),
        "clocks-shifted": Drill(outages.clocks_shifted, supervised=False, check=outages.faketime),
        "overload": Drill(overload.overload, supervised=False),
    }
)
#: What ``forewarn drill --short`` runs: the same harm, less often.
SHORT: Mapping[str, Drill] = MappingProxyType({"kill-scorer": Drill(kills.kill_scorers(2)), "poison": DRILLS["poison"]})
