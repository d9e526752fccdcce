"""From alerts to deliveries: who gets a transition, when it is tried again, and the loop that delivers."""

from streams.alerting.backoff import Backoff, after
from streams.alerting.delivery import Deliverer
from streams.alerting.messages import body, event_type, probe, webhook_id
from streams.alerting.routing import Routing, route

__all__ = ["Backoff", "Deliverer", "Routing", "after", "body", "event_type", "probe", "route", "webhook_id"]
