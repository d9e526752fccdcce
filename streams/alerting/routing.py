"""Who gets a transition: a pure decision with a named reason."""

from __future__ import annotations

from enum import StrEnum

from connectors.control import Subscription
from connectors.models import Alert


class Routing(StrEnum):
    """Why a subscription gets a transition, or does not."""

    DELIVER = "deliver"
    ENDED = "ended"
    BACKFILL = "backfill"
    NOT_WATCHED = "not-watched"
    BELOW_MINIMUM = "below-minimum"


def route(alert: Alert, subscription: Subscription) -> Routing:
    """Return whether a subscription gets a transition.

    A transition counts as high as the higher of its two levels: who was told of an escalation is told of the easing.
    What only backfilled history moved is told to nobody.
    """
    if not subscription.active:
        return Routing.ENDED
    if not alert.notify:
        return Routing.BACKFILL
    if subscription.enterprises is not None and alert.enterprise_id not in subscription.enterprises:
        return Routing.NOT_WATCHED
    if max(alert.level.rank, alert.previous_level.rank) < subscription.minimum_level.rank:
        return Routing.BELOW_MINIMUM
    return Routing.DELIVER
