"""One or more examples of every message, as JSON: they stand in the schemas, and documents may quote them."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

_ID = "91350100M000100Y43"
_OTHER = "91512081MA62K0260E"

_READING: dict[str, Any] = {
    "v": 1,
    "enterprise_id": _ID,
    "family": "electricity",
    "metric": "daily_kwh",
    "value": 8213.5,
    "unit": "kWh",
    "event_time": "2026-03-02T16:00:00Z",
    "published_at": "2026-03-03T20:15:00Z",
    "source": "grid-fujian",
    "source_id": "0591-88120034:2026-03-03",
    "revision": 0,
    "backfill": False,
    "attributes": {"meter": "0591-88120034"},
}
_EVENT: dict[str, Any] = {
    "v": 1,
    "enterprise_id": _ID,
    "family": "litigation",
    "metric": "case",
    "payload": {"case_no": "(2026)闽0102执1234号", "kind": "dishonest", "role": "defendant", "status": "open"},
    "event_time": "2026-03-01T16:00:00Z",
    "published_at": "2026-03-04T01:30:00Z",
    "source": "court-feed",
    "source_id": "dishonest/20260302-0417",
}
_EVIDENCE: dict[str, Any] = {"topic": "signals.electricity", "partition": 7, "offset": 40912, "index": 0}
_REASON: dict[str, Any] = {
    "reason": "electricity.collapse",
    "family": "electricity",
    "zh": "用电量自 2026-03-03 起连续 7 天低于平日的 5%（41 kWh，平日 8,200 kWh）",
    "en": "Electricity use has been under 5 % of its usual level for 7 days since 2026-03-03 (41 kWh, usually 8,200)",
    "severity": 0.82,
    "observed": 41.0,
    "expected": 8200.0,
    "unit": "kWh",
    "since": "2026-03-02T16:00:00Z",
    "evidence": [_EVIDENCE],
}

#: Examples by the names of :data:`connectors.models.MESSAGES`. Treat as read-only.
EXAMPLES: MappingProxyType[str, list[dict[str, Any]]] = MappingProxyType(
    {
        "signal": [_READING, _EVENT],
        "enterprise": [
            {
                "enterprise_id": _ID,
                "names": ["福州示例机械有限公司", "Fuzhou Example Machinery"],
                "industry": "C34",
                "region": "350102",
                "size": "medium",
                "relations": [{"enterprise_id": _OTHER, "kind": "investor", "share": 0.6}],
                "published_at": "2026-01-05T02:00:00Z",
                "source": "registry",
                "source_id": _ID,
                "revision": 3,
            }
        ],
        "finding": [
            {
                "finding_id": f"{_ID}:electricity.collapse:41",
                "enterprise_id": _ID,
                "family": "electricity",
                "metric": "daily_kwh",
                "detector": "electricity.collapse",
                "detector_version": 1,
                "config_version": "default-1",
                "state": "raised",
                "reason": "electricity.collapse",
                "severity": 0.82,
                "confidence": 0.9,
                "observed": 41.0,
                "expected": 8200.0,
                "unit": "kWh",
                "since": "2026-03-02T16:00:00Z",
                "at": "2026-03-09T22:00:00Z",
                "lasting": True,
                "half_life_days": 14.0,
                "text_zh": _REASON["zh"],
                "text_en": _REASON["en"],
                "evidence": [_EVIDENCE],
            }
        ],
        "risk": [
            {
                "enterprise_id": _ID,
                "sequence": 118,
                "at": "2026-03-09T22:00:00Z",
                "score": 0.71,
                "low": 0.66,
                "high": 0.84,
                "level": "orange",
                "coverage": 0.6,
                "families": [
                    {
                        "family": "electricity",
                        "score": 0.74,
                        "coverage": "fresh",
                        "newest_event_time": "2026-03-08T16:00:00Z",
                    },
                    {"family": "tax", "score": 0.0, "coverage": "never"},
                ],
                "config_version": "default-1",
            }
        ],
        "alert": [
            {
                "alert_id": f"{_ID}-2",
                "enterprise_id": _ID,
                "enterprise_name": "福州示例机械有限公司",
                "sequence": 4,
                "transition": "escalated",
                "level": "orange",
                "previous_level": "yellow",
                "score": 0.71,
                "at": "2026-03-09T22:00:00Z",
                "opened_at": "2026-03-06T22:00:00Z",
                "decided_on": "2026-03-09",
                "rule": "score-above-orange",
                "reasons": [_REASON],
                "counterfactual": {
                    "zh": "日用电量连续 3 天高于 8,200 kWh 即可解除",
                    "en": "Would clear above 8,200 kWh a day for 3 days",
                },
                "config_version": "default-1",
                "notify": True,
            }
        ],
        "metric": [
            {
                "enterprise_id": _ID,
                "family": "electricity",
                "metric": "daily_kwh",
                "window": "1d",
                "start": "2026-03-02T16:00:00Z",
                "count": 1,
                "sum": 41.0,
                "min": 41.0,
                "max": 41.0,
                "last": 41.0,
                "expected": 8200.0,
                "at": "2026-03-03T22:00:00Z",
            }
        ],
        "dead-letter": [
            {
                "topic": "signals.electricity",
                "partition": 7,
                "offset": 40913,
                "index": None,
                "reason": "bad-json",
                "detail": "not JSON from byte 1",
                "field": None,
                "record_time": "2026-03-03T20:15:01Z",
                "at": "2026-03-03T20:15:02Z",
                "key": "OTEzNTAxMDBNMDAwMTAwWTQz",
                "value": "ew==",
            }
        ],
        "heartbeat": [
            {
                "source": "grid-fujian",
                "at": "2026-03-03T20:16:00Z",
                "status": "idle",
                "families": ["electricity"],
                "position": "2026-03-03/part-4:18220",
                "newest_event_time": "2026-03-02T16:00:00Z",
                "lag_seconds": 12.5,
                "sent": 18220,
                "rejected": 3,
                "message": "nothing new",
            }
        ],
        "delivery": [
            {
                "subscription_id": "fund-a",
                "webhook_id": "msg_2f6c0e",
                "delivery_sequence": 4,
                "enterprise_id": _ID,
                "alert_id": f"{_ID}-2",
                "sequence": 4,
                "attempt": 1,
                "status": "delivered",
                "status_code": 204,
                "error": "",
                "at": "2026-03-09T22:00:03Z",
            }
        ],
        "action": [
            {
                "action_id": "01JNYV4T8E",
                "at": "2026-03-09T22:04:11Z",
                "actor": "li.wei",
                "kind": "acknowledged",
                "object_kind": "alert",
                "object_id": f"{_ID}-2",
                "details": {"note": "已电话联系企业"},
            }
        ],
    }
)

#: An envelope: several signals of one partition in one record.
ENVELOPES: list[list[dict[str, Any]]] = [[_READING, _EVENT]]
