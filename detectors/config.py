"""Every number that detectors, fusion and levels decide by, with a version to record beside each decision.

The defaults are proposals, to be tuned to a portfolio; none is an industry standard. A :class:`DetectionConfig` is
frozen: two equal ones decide alike, and :attr:`DetectionConfig.version` names it in findings and alerts.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeVar

T = TypeVar("T")


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)


def _check_shares(section: Any, *names: str) -> None:
    for name in names:
        value = getattr(section, name)
        _require(0.0 <= value <= 1.0, f"{type(section).__name__}.{name} must be from 0 to 1, not {value!r}")


def _check_positive(section: Any, *names: str) -> None:
    for name in names:
        value = getattr(section, name)
        _require(value > 0, f"{type(section).__name__}.{name} must be above 0, not {value!r}")


@dataclass(frozen=True)
class FusionConfig:
    """How evidence becomes one score.

    Parameters
    ----------
    weights
        Of the families, 0 to 1: how much a family counts in the composite and in coverage.
    default_weight
        Of a family that ``weights`` does not name.
    legal_families
        Families whose opinions may set a floor.
    closed_factor
        What is left of a matter that is over (a removed record).
    repeat_factor
        The n-th strongest opinion for the same reason counts ``repeat_factor ** (n - 1)``: twenty lawsuits are not
        twenty times one lawsuit.
    corroboration
        How much each further family that agrees raises the composite.
    agrees_from
        A family's score from which it agrees with the others, and lifts the cap of a single family.
    negligible
        Evidence worth less than this counts nothing and is not ranked.
    never_prior, stale_prior
        What a family that was never seen, or is stale, may hide: it widens the interval upwards.
    """

    weights: Mapping[str, float] = field(
        default_factory=lambda: MappingProxyType(
            {"electricity": 0.9, "tax": 0.9, "social_security": 0.85, "litigation": 1.0, "sentiment": 0.8}
        )
    )
    default_weight: float = 0.8
    legal_families: tuple[str, ...] = ("litigation",)
    closed_factor: float = 0.3
    repeat_factor: float = 0.5
    corroboration: float = 0.25
    agrees_from: float = 0.2
    negligible: float = 0.01
    never_prior: float = 0.25
    stale_prior: float = 0.15

    def __post_init__(self) -> None:
        _check_shares(
            self, "default_weight", "closed_factor", "repeat_factor", "agrees_from", "never_prior", "stale_prior"
        )
        _check_positive(self, "negligible")
        _require(self.corroboration >= 0, "FusionConfig.corroboration must not be negative")
        for family, weight in self.weights.items():
            _require(0 < weight <= 1, f"FusionConfig.weights[{family!r}] must be above 0 and at most 1, not {weight!r}")


@dataclass(frozen=True)
class LevelsConfig:
    """When a level is entered and left.

    Parameters
    ----------
    blue, yellow, orange, red
        Scores from which a level holds.
    hysteresis
        A level is left this much lower than it was entered, so that a score on the edge does not flap.
    fall_dwell_hours
        How long a level stands at least before it falls.
    """

    blue: float = 0.25
    yellow: float = 0.45
    orange: float = 0.65
    red: float = 0.85
    hysteresis: float = 0.08
    fall_dwell_hours: float = 72.0

    def __post_init__(self) -> None:
        ordered = 0 < self.blue < self.yellow < self.orange < self.red <= 1
        _require(ordered, "LevelsConfig: blue < yellow < orange < red must hold, within 0 to 1")
        _require(0 <= self.hysteresis < self.blue, "LevelsConfig.hysteresis must be from 0 to below blue")
        _require(self.fall_dwell_hours >= 0, "LevelsConfig.fall_dwell_hours must not be negative")


@dataclass(frozen=True)
class PeersConfig:
    """Whom an enterprise is compared with.

    Parameters
    ----------
    min_group
        Members that industry section x region x size needs, and that all together need; a smaller group falls back.
    min_region
        Members that a region alone needs. Lower than ``min_group``: half of six neighbours dark in one night is an
        outage, not chance.
    """

    min_group: int = 20
    min_region: int = 6

    def __post_init__(self) -> None:
        _check_positive(self, "min_group", "min_region")


@dataclass(frozen=True)
class ElectricityConfig:
    """The power detectors. Days that count are days on which the enterprise was expected to run and its peers did.

    Parameters
    ----------
    min_history_days
        Valid days before a detector speaks at all.
    min_usual_kwh
        Enterprises that use less than this per day are too small to judge by their meter.
    fade
        Fading factor of River's EWVar over a day kind's log values: higher follows faster.
    stop_share
        A day below this share of the median of the 56 days before a stop is a day of standstill. Higher catches partial
        stops, and more pauses.
    early_days, sustained_days
        A stop is told after this many days at the soonest, and as a sustained one. Fewer is earlier and noisier.
    festival_before, festival_after
        A stop that begins within these days around Spring Festival is taken for the holiday,
    festival_days, festival_over_days
        until it has lasted this many days and the festival lies this many days back: workshops open again after the
        Lantern Festival, the 15th day, and their workers return over the days that follow;
    festival_long_days
        or it has lasted so many days in any case;
    festival_back_days
        or this many working days have passed on which the peers were back.
    festival_rest_days
        Before this many days after the festival nobody counts as back.
    peers_low, peers_back
        The peers are low too while the median of their use, relative to their usual one, is below the first; they are
        back when the lower quartile has reached the second.
    habit_memory_days
        After so many days what is known of earlier stops counts half.
    forget_days
        After a stop of this length the usual use is learned anew.
    early_severity, sustained_severity
        Of the two stages.
    drop_share, drop_days, drop_sigmas, drop_severity
        A fall to below ``drop_share`` of the expected use and below ``drop_sigmas`` standard deviations, for
        ``drop_days`` days that count.
    surge_share, surge_days, surge_sigmas, surge_severity
        The same upwards.
    stuck_days, stuck_severity
        A meter that repeats one value, other than zero, for this many days.
    silent_days, silent_severity
        No reading for this many days while the peers report.
    decline_delta, decline_threshold, decline_share, decline_days, decline_severity
        River's PageHinkley on the log use of working days: tolerated drift per day, accumulated fall that is a
        change, the share of the former use below which the decline stands, and for how long it is news.
    half_life_days
        Decay after recovery.
    """

    min_history_days: int = 28
    min_usual_kwh: float = 5.0
    fade: float = 0.05
    stop_share: float = 0.05
    early_days: int = 4
    sustained_days: int = 7
    festival_before: int = 25
    festival_after: int = 10
    festival_days: int = 21
    festival_over_days: int = 21
    festival_long_days: int = 30
    festival_back_days: int = 10
    festival_rest_days: int = 7
    peers_low: float = 0.5
    peers_back: float = 0.5
    habit_memory_days: int = 800
    forget_days: int = 365
    early_severity: float = 0.6
    sustained_severity: float = 0.8
    drop_share: float = 0.4
    drop_days: int = 7
    drop_sigmas: float = 3.0
    drop_severity: float = 0.28
    surge_share: float = 2.5
    surge_days: int = 5
    surge_sigmas: float = 4.0
    surge_severity: float = 0.25
    stuck_days: int = 7
    stuck_severity: float = 0.2
    silent_days: int = 3
    silent_severity: float = 0.15
    decline_delta: float = 0.05
    decline_threshold: float = 8.0
    decline_share: float = 0.7
    decline_days: int = 120
    decline_severity: float = 0.28
    half_life_days: float = 14.0

    def __post_init__(self) -> None:
        _check_shares(
            self, "fade", "stop_share", "early_severity", "sustained_severity", "drop_share",
            "drop_severity", "surge_severity", "stuck_severity", "silent_severity", "decline_share", "decline_severity",
        )  # fmt: skip
        _check_positive(
            self, "min_history_days", "min_usual_kwh", "early_days", "sustained_days", "festival_days",
            "festival_long_days", "festival_back_days", "forget_days", "drop_days", "surge_days", "surge_share",
            "stuck_days", "silent_days", "decline_threshold", "decline_days", "half_life_days", "habit_memory_days",
        )  # fmt: skip
        _require(self.early_days <= self.sustained_days, "ElectricityConfig.early_days must not pass sustained_days")
        _require(self.stop_share <= self.drop_share, "ElectricityConfig.stop_share must not pass drop_share")
        _require(self.min_history_days <= 56, "ElectricityConfig.min_history_days must be at most 56: 60 days are kept")


@dataclass(frozen=True)
class StopConfig:
    """How likely a stop of electricity use is to last 30 days, and from which chance on it is told.

    The coefficients are those of a logistic regression, rounded: the chance is 1 / (1 + e^-x), x the sum of all terms.
    They were fitted to stops of some hundred enterprises of one city, and hold without the festival, which has rules of
    its own.

    Parameters
    ----------
    intercept
        For the first day of a stop of a plant of 1,000 kWh a day that has never stopped.
    log_days
        Times the logarithm of the days that count so far. Higher tells long stops sooner, and short ones later.
    log_stops_a_year
        Times the logarithm of 1 + the enterprise's stops a year: who often pauses, pauses again.
    log_longer_stops
        Times the logarithm of 1 + its earlier stops that were at least 3 days longer than this one is now.
    idle_share
        Times the share of the 56 days before that were under a tenth of their median: intermittent users.
    log_residual
        Times the logarithm of use during the stop ÷ the limit of standstill: who switches off the mains, goes.
    log_size
        Times the logarithm of usual use ÷ 1,000 kWh a day: small firms give up more often than large ones.
    holiday
        Times the public holidays among the days, 5 at most.
    early_chance, sustained_chance
        Chance from which a stop is told, and as a sustained one. Higher is calmer and later.
    certain_days
        After so many days a stop is a sustained one whatever its chance.
    first_days, sure_days
        Days with a reading before a stop is told at all, and before it is told with full confidence.
    """

    intercept: float = -4.2
    log_days: float = 1.8
    log_stops_a_year: float = -0.9
    log_longer_stops: float = 1.0
    idle_share: float = -3.0
    log_residual: float = -0.45
    log_size: float = -0.45
    holiday: float = -0.4
    early_chance: float = 0.18
    sustained_chance: float = 0.28
    certain_days: int = 25
    first_days: int = 7
    sure_days: int = 14

    def __post_init__(self) -> None:
        _check_shares(self, "early_chance", "sustained_chance")
        _check_positive(self, "certain_days", "first_days", "sure_days")
        _require(self.early_chance <= self.sustained_chance, "StopConfig.early_chance must not pass sustained_chance")


@dataclass(frozen=True)
class MeterConfig:
    """Status events of a power account: severity while it lasts.

    Parameters
    ----------
    arrears, suspended, closed, capacity_reduced
        Severity of each; an outage or a meter that is offline is no opinion on the enterprise.
    closed_running, running_share
        Severity of a closed account while the enterprise goes on using at least this share of its usual power by
        others: it moved, or has one meter less.
    half_life_days
        Decay after it was paid, resumed or restored.
    capacity_half_life_days
        Decay of a closed account and of a capacity reduction, which nothing takes back.
    max_accounts
        Accounts of one enterprise that are remembered.
    planned_outage_days, outage_days, offline_days
        For so long an announced outage, an outage, and a meter that is offline explain low readings at most: what the
        power detectors say of days within counts nothing. Longer believes them longer.
    excuse_grace_days
        A fall that still stands so many days after that counts again.
    """

    arrears: float = 0.4
    suspended: float = 0.45
    closed: float = 0.6
    capacity_reduced: float = 0.3
    closed_running: float = 0.15
    running_share: float = 0.2
    half_life_days: float = 14.0
    capacity_half_life_days: float = 60.0
    max_accounts: int = 8
    planned_outage_days: float = 30.0
    outage_days: float = 7.0
    offline_days: float = 14.0
    excuse_grace_days: float = 4.0

    def __post_init__(self) -> None:
        _check_shares(self, "arrears", "suspended", "closed", "capacity_reduced", "closed_running", "running_share")
        _check_positive(
            self, "half_life_days", "capacity_half_life_days", "max_accounts", "planned_outage_days", "outage_days",
            "offline_days", "excuse_grace_days",
        )  # fmt: skip


@dataclass(frozen=True)
class TaxConfig:
    """The tax detectors.

    Parameters
    ----------
    min_history_months
        Months of declared sales before a fall is judged.
    fade
        Fading factor of River's EWVar over log sales.
    fall_share, fall_sigmas
        Sales below this share of their usual value, and of the same month a year before where that is known, and
        this many standard deviations low, have fallen.
    fall_severity, deep_fall_share, deep_fall_severity
        Severity of a fall, and of one below ``deep_fall_share``.
    zero_check_months, zero_key_months, zero_check_severity, zero_key_severity
        Consecutive months of zero sales, by an enterprise that used to have some.
    missing_months, missing_severity
        Months without a declaration, by an enterprise that used to file.
    void_rate, void_factor, void_min_invoices, void_severity
        Share of voided invoices, and how many times the enterprise's own usual share, from this many invoices on.
    burden_share, burden_months, burden_severity
        VAT payable per sales below this share of the usual one, for so many months in a row.
    arrears, abnormal_household
        Severity of the notices while they stand.
    grade_c, grade_d
        Severity of the credit grades. A, B and M are none: M is "new", not "medium risk".
    half_life_days
        Decay once a condition is over.
    """

    min_history_months: int = 6
    fade: float = 0.2
    fall_share: float = 0.5
    fall_sigmas: float = 1.5
    fall_severity: float = 0.32
    deep_fall_share: float = 0.2
    deep_fall_severity: float = 0.45
    zero_check_months: int = 3
    zero_key_months: int = 6
    zero_check_severity: float = 0.55
    zero_key_severity: float = 0.7
    missing_months: int = 2
    missing_severity: float = 0.25
    void_rate: float = 0.2
    void_factor: float = 3.0
    void_min_invoices: float = 10.0
    void_severity: float = 0.35
    burden_share: float = 0.7
    burden_months: int = 3
    burden_severity: float = 0.2
    arrears: float = 0.6
    abnormal_household: float = 0.7
    grade_c: float = 0.3
    grade_d: float = 0.5
    half_life_days: float = 60.0

    def __post_init__(self) -> None:
        _check_shares(
            self, "fade", "fall_share", "fall_severity", "deep_fall_share", "deep_fall_severity", "zero_check_severity",
            "zero_key_severity", "missing_severity", "void_rate", "void_severity", "burden_share", "burden_severity",
            "arrears", "abnormal_household", "grade_c", "grade_d",
        )  # fmt: skip
        _check_positive(
            self, "min_history_months", "zero_check_months", "zero_key_months", "missing_months", "void_factor",
            "void_min_invoices", "burden_months", "half_life_days",
        )  # fmt: skip
        _require(
            self.zero_check_months <= self.zero_key_months, "TaxConfig.zero_check_months must not pass the key one"
        )


@dataclass(frozen=True)
class InvoicesConfig:
    """Sales invoices.

    Parameters
    ----------
    months
        How many months an invoice book looks back.
    weights
        Of the signs of an invoice book, each of which is from 0 to 1.
    min_history_months, min_invoices
        Months of figures, and invoices in a quarter, before the monthly figures are judged.
    silent_months, silent_severity
        Months without an invoice, by an enterprise that issued some in most months of the year before.
    red_share, red_factor, red_severity
        Share of red-letter invoices in a quarter, and how many times the enterprise's own usual share.
    buyer_share, buyer_rise, buyer_severity
        Share of the largest buyer in a quarter's sales, and how much it rose against the months before.
    half_life_days
        Decay once a condition is over.
    """

    months: int = 36
    weights: Mapping[str, float] = field(
        default_factory=lambda: MappingProxyType(
            {
                "few_invoices": 1.0, "idle_months": 1.0, "few_buyers": 1.0, "concentration": 0.5, "silence": 0.5,
                "voided": 0.5, "red_letter": 0.25, "fall": 0.25,
            }
        )
    )  # fmt: skip
    min_history_months: int = 6
    min_invoices: float = 20.0
    silent_months: int = 2
    silent_severity: float = 0.2
    red_share: float = 0.15
    red_factor: float = 3.0
    red_severity: float = 0.25
    buyer_share: float = 0.8
    buyer_rise: float = 0.3
    buyer_severity: float = 0.2
    half_life_days: float = 60.0

    def __post_init__(self) -> None:
        _check_shares(
            self, "silent_severity", "red_share", "red_severity", "buyer_share", "buyer_rise", "buyer_severity"
        )
        _check_positive(
            self, "months", "min_history_months", "min_invoices", "silent_months", "red_factor", "half_life_days"
        )
        for name, value in self.weights.items():
            _require(value >= 0, f"InvoicesConfig.weights[{name!r}] must not be negative")
        _require(sum(self.weights.values()) > 0, "InvoicesConfig.weights must not all be 0")


@dataclass(frozen=True)
class SocialSecurityConfig:
    """The social-security detectors.

    Parameters
    ----------
    min_headcount
        Firms with fewer insured persons are not judged by shares.
    fall_share, fall_severity, deep_fall_share, deep_fall_severity
        Fall of the headcount from one month to the next, and of a deep one.
    fall_months
        How long the fall stands while the headcount has not come back.
    payroll_months, payroll_share, payroll_severity
        Consecutive months of a falling contribution base, and the fall over all of them.
    arrears_severity, arrears_key_months, arrears_key_severity
        Contributions owed; the second severity from so many months on.
    drift_delta, drift_threshold, drift_share, drift_severity
        River's PageHinkley on the log headcount.
    half_life_days
        Decay once a condition is over.
    """

    min_headcount: float = 10.0
    fall_share: float = 0.2
    fall_severity: float = 0.5
    deep_fall_share: float = 0.5
    deep_fall_severity: float = 0.65
    fall_months: int = 4
    payroll_months: int = 3
    payroll_share: float = 0.1
    payroll_severity: float = 0.32
    arrears_severity: float = 0.45
    arrears_key_months: int = 3
    arrears_key_severity: float = 0.6
    drift_delta: float = 0.01
    drift_threshold: float = 0.5
    drift_share: float = 0.85
    drift_severity: float = 0.3
    half_life_days: float = 60.0

    def __post_init__(self) -> None:
        _check_shares(
            self, "fall_share", "fall_severity", "deep_fall_share", "deep_fall_severity", "payroll_share",
            "payroll_severity", "arrears_severity", "arrears_key_severity", "drift_share", "drift_severity",
        )  # fmt: skip
        _check_positive(
            self, "min_headcount", "fall_months", "payroll_months", "arrears_key_months", "drift_threshold",
            "half_life_days",
        )  # fmt: skip


@dataclass(frozen=True)
class CrossConfig:
    """Figures of two families that do not fit together.

    Parameters
    ----------
    min_headcount
        Firms with fewer insured persons are not judged by shares.
    shed_share, growth_share, divergence_severity, divergence_key_severity, divergence_key_gap
        The headcount falls by ``shed_share`` while declared sales grow by ``growth_share`` within three months, beyond
        what the trade grew; the severity grows to the second one as the gap between both grows to
        ``divergence_key_gap``, where growth counts for no more than twice the fall.
    min_shed
        Persons that have to be gone: one of twenty is no sign.
    power_share, power_sales_share, power_severity
        Power falls below ``power_share`` of the weeks before while declared sales stay above ``power_sales_share`` of
        their usual value.
    power_back_share
        Power that is back at this share of the weeks before by the time of the declaration was a pause.
    half_life_days
        Decay once a condition is over.
    """

    min_headcount: float = 10.0
    shed_share: float = 0.05
    growth_share: float = 0.1
    divergence_severity: float = 0.35
    divergence_key_severity: float = 0.65
    divergence_key_gap: float = 0.5
    min_shed: float = 3.0
    power_share: float = 0.4
    power_sales_share: float = 0.9
    power_severity: float = 0.35
    power_back_share: float = 0.6
    half_life_days: float = 60.0

    def __post_init__(self) -> None:
        _check_shares(
            self, "shed_share", "divergence_severity", "divergence_key_severity", "power_share", "power_severity",
            "power_back_share",
        )  # fmt: skip
        _check_positive(
            self, "min_headcount", "growth_share", "divergence_key_gap", "power_sales_share", "half_life_days",
            "min_shed",
        )  # fmt: skip
        least = self.shed_share + self.growth_share
        _require(self.divergence_key_gap > least, "CrossConfig.divergence_key_gap must pass shed_share + growth_share")


@dataclass(frozen=True)
class LitigationConfig:
    """The court and public-record detectors.

    Parameters
    ----------
    severities
        By the kind of record, for the debtor or defendant.
    half_lives_days
        By the kind of record; a kind that is not named never decays while the record is open.
    closed_half_life_days
        Decay once a record was removed.
    plaintiff_severity, third_party_factor
        The plaintiff is not the debtor; a third party is hit in part.
    amount_step, amount_from
        Each power of ten of the amount above ``amount_from`` (CNY) adds ``amount_step`` to the severity, or takes it
        off below; at most three steps.
    max_cases
        Cases of one enterprise that are remembered.
    burst_days, burst_cases, burst_sigmas, burst_severity, burst_half_life_days
        Distinct debtor cases within these days, and how unusual that is by River's EWMean and EWVar of the log days
        between cases.
    rate_fade
        Fading factor of that rate.
    related_severity, related_half_life_days
        Of an investor or investee that left the market.
    """

    severities: Mapping[str, float] = field(
        default_factory=lambda: MappingProxyType(
            {
                "bankruptcy": 0.95, "dishonest": 0.85, "consumption_ban": 0.7, "terminated_execution": 0.6,
                "enforcement": 0.5, "equity_freeze": 0.45, "filing": 0.16, "hearing": 0.18, "judgment": 0.22,
            }
        )
    )  # fmt: skip
    half_lives_days: Mapping[str, float] = field(
        default_factory=lambda: MappingProxyType(
            {
                "terminated_execution": 365.0, "enforcement": 365.0, "equity_freeze": 365.0, "filing": 180.0,
                "hearing": 90.0, "judgment": 180.0,
            }
        )
    )  # fmt: skip
    closed_half_life_days: float = 180.0
    plaintiff_severity: float = 0.02
    third_party_factor: float = 0.3
    amount_step: float = 0.04
    amount_from: float = 1_000_000.0
    max_cases: int = 32
    burst_days: int = 30
    burst_cases: int = 4
    burst_sigmas: float = 1.0
    burst_severity: float = 0.35
    burst_half_life_days: float = 60.0
    rate_fade: float = 0.2
    related_severity: float = 0.3
    related_half_life_days: float = 365.0

    def __post_init__(self) -> None:
        _check_shares(
            self, "plaintiff_severity", "third_party_factor", "amount_step", "burst_severity", "rate_fade",
            "related_severity",
        )  # fmt: skip
        _check_positive(
            self, "closed_half_life_days", "amount_from", "max_cases", "burst_days", "burst_cases",
            "burst_half_life_days", "related_half_life_days",
        )  # fmt: skip
        for kind, value in self.severities.items():
            _require(0 <= value <= 1, f"LitigationConfig.severities[{kind!r}] must be from 0 to 1, not {value!r}")
        for kind, value in self.half_lives_days.items():
            _require(value > 0, f"LitigationConfig.half_lives_days[{kind!r}] must be above 0, not {value!r}")


@dataclass(frozen=True)
class SentimentConfig:
    """The news detectors.

    Parameters
    ----------
    hard_floor
        Severity of an item with a hard term about its subject, at least. Sets no level.
    speak_from
        Items below this severity are no opinion.
    other_subject_factor
        What is left of a term when the item is about someone else.
    body_factor
        What a term in the body counts against one in the title.
    model, model_share
        Digest of the trained model of headlines that judges beside the lexicon, empty without one; set for you by
        ``FOREWARN_SENTIMENT_MODEL``. How much of the judgement is the model's: 0 to 1. Serious facts are the
        lexicon's alone.
    source_weights
        By source: what its items are worth, 0 to 1; 1 for a source that is not named.
    duplicate_bits
        Items whose 64-bit fingerprints differ in at most so many bits are one story.
    max_clusters
        Stories of one enterprise that are remembered.
    half_life_days
        Decay of an item.
    volume_fade, volume_sigmas, volume_min, volume_severity
        River's EWMean and EWVar of daily mentions; how unusual, and how many mentions a day, a wave must be.
    """

    hard_floor: float = 0.8
    speak_from: float = 0.15
    other_subject_factor: float = 0.15
    body_factor: float = 0.6
    model: str = ""
    model_share: float = 0.7
    source_weights: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    duplicate_bits: int = 12
    max_clusters: int = 16
    half_life_days: float = 7.0
    volume_fade: float = 0.05
    volume_sigmas: float = 4.0
    volume_min: float = 5.0
    volume_severity: float = 0.3

    def __post_init__(self) -> None:
        _check_shares(
            self, "hard_floor", "speak_from", "other_subject_factor", "body_factor", "model_share", "volume_fade",
            "volume_severity",
        )  # fmt: skip
        _check_positive(self, "max_clusters", "half_life_days", "volume_min")
        for source, weight in self.source_weights.items():
            _require(
                0 <= weight <= 1, f"SentimentConfig.source_weights[{source!r}] must be from 0 to 1, not {weight!r}"
            )
        _require(0 <= self.duplicate_bits <= 32, "SentimentConfig.duplicate_bits must be from 0 to 32")


#: The series that value novelty can watch: the family, and whether its periods are days rather than months.
WATCHABLE: Mapping[str, tuple[str, bool]] = MappingProxyType(
    {
        "daily_kwh": ("electricity", True),
        "vat_sales": ("tax", False),
        "vat_payable": ("tax", False),
        "invoices_issued": ("tax", False),
        "insured_headcount": ("social_security", False),
        "contribution_base": ("social_security", False),
        "news_count": ("sentiment", True),
    }
)


@dataclass(frozen=True)
class NoveltyConfig:
    """Values of a series that the enterprise has never shown before.

    Parameters
    ----------
    series
        The series that are watched, by name. None by default: the memory of one series takes half of the 8 KB that
        are meant for all detectors of an enterprise.
    landmarks
        Values that are remembered of a series. More tells smaller differences apart, and takes more space.
    min_history
        Periods before it speaks.
    threshold
        How new a value must be. Higher is calmer.
    repeat_half_life
        Periods after which half of an alarm is forgotten: what is hardly newer stays silent until then.
    severity, half_life_days
        Of the opinion, and how fast it fades.
    """

    series: tuple[str, ...] = ()
    landmarks: int = 96
    min_history: int = 60
    threshold: float = 1.0
    repeat_half_life: float = 50.0
    severity: float = 0.2
    half_life_days: float = 7.0

    def __post_init__(self) -> None:
        _check_shares(self, "severity")
        _check_positive(self, "threshold", "repeat_half_life", "half_life_days", "min_history")
        _require(8 <= self.landmarks <= 4096, "NoveltyConfig.landmarks must be from 8 to 4096")
        for name in self.series:
            known = ", ".join(WATCHABLE)
            _require(name in WATCHABLE, f"NoveltyConfig.series can be of {known}, not {name!r}")
        _require(len(set(self.series)) == len(self.series), "NoveltyConfig.series must name a series once")


@dataclass(frozen=True)
class DetectionConfig:
    """The whole configuration of detection.

    Examples
    --------
    >>> calm = DetectionConfig.from_mapping({"label": "calm", "stops": {"early_chance": 0.2}})
    >>> calm.stops.early_chance, calm.version == default().version
    (0.2, False)
    >>> DetectionConfig.from_mapping({"electricity": {"erly_days": 5}})
    Traceback (most recent call last):
    ValueError: unknown setting electricity.erly_days
    """

    label: str = "default"
    fusion: FusionConfig = field(default_factory=FusionConfig)
    levels: LevelsConfig = field(default_factory=LevelsConfig)
    peers: PeersConfig = field(default_factory=PeersConfig)
    electricity: ElectricityConfig = field(default_factory=ElectricityConfig)
    stops: StopConfig = field(default_factory=StopConfig)
    meter: MeterConfig = field(default_factory=MeterConfig)
    tax: TaxConfig = field(default_factory=TaxConfig)
    invoices: InvoicesConfig = field(default_factory=InvoicesConfig)
    social_security: SocialSecurityConfig = field(default_factory=SocialSecurityConfig)
    cross: CrossConfig = field(default_factory=CrossConfig)
    litigation: LitigationConfig = field(default_factory=LitigationConfig)
    sentiment: SentimentConfig = field(default_factory=SentimentConfig)
    novelty: NoveltyConfig = field(default_factory=NoveltyConfig)

    def __post_init__(self) -> None:
        letters = self.label.replace("-", "").replace("_", "").replace(".", "")
        named = bool(self.label) and len(self.label) <= 32 and letters.isascii() and letters.isalnum()
        _require(named, "label must be 1 to 32 ASCII letters, digits, - _ or .")

    @cached_property
    def version(self) -> str:
        """The label and a short hash of every value."""
        values = json.dumps(self.to_mapping(), sort_keys=True, ensure_ascii=True)
        return f"{self.label}-{hashlib.sha256(values.encode()).hexdigest()[:8]}"

    @classmethod
    def default(cls) -> DetectionConfig:
        """Return the configuration with every default."""
        return _DEFAULT

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> DetectionConfig:
        """Return the defaults with nested overrides.

        Raises
        ------
        ValueError
            A key is unknown, or a value has the wrong type or lies outside its range. The message names it.
        """
        return _build(cls(), mapping, "")

    def to_mapping(self) -> dict[str, Any]:
        """Return every value as nested plain data; :meth:`from_mapping` takes it back."""
        plain = {f.name: _plain(getattr(self, f.name)) for f in fields(self)}
        return dict(plain)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _build(base: T, mapping: Any, path: str) -> T:
    """Return a copy of a dataclass with the mapping's values in place of its own."""
    if not isinstance(mapping, Mapping):
        message = f"{path.rstrip('.') or 'configuration'} must be a table of settings"
        raise ValueError(message)
    known = {f.name: getattr(base, f.name) for f in fields(base)}  # type: ignore[arg-type]  # always a dataclass
    for key, value in mapping.items():
        if key not in known:
            message = f"unknown setting {path}{key}"
            raise ValueError(message)
        known[key] = _convert(known[key], value, f"{path}{key}")
    return type(base)(**known)


def _convert(old: Any, new: Any, path: str) -> Any:
    """Return ``new`` in the type of ``old``."""
    if is_dataclass(old):
        return _build(old, new, f"{path}.")
    if isinstance(old, Mapping):
        if not isinstance(new, Mapping):
            message = f"{path} must be a table"
            raise ValueError(message)
        merged = {**old, **{str(key): _number(value, f"{path}.{key}") for key, value in new.items()}}
        return MappingProxyType(merged)
    if isinstance(old, tuple):
        if not isinstance(new, list | tuple) or not all(isinstance(item, str) for item in new):
            message = f"{path} must be a list of names"
            raise ValueError(message)
        return tuple(new)
    if isinstance(old, str):
        _require(isinstance(new, str), f"{path} must be text")
        return new
    number = _number(new, path)
    if isinstance(old, int):
        _require(number.is_integer(), f"{path} must be a whole number, not {new!r}")
        return int(number)
    return number


def _number(value: Any, path: str) -> float:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    _require(good, f"{path} must be a number, not {value!r}")
    return float(value)


_DEFAULT = DetectionConfig()


def default() -> DetectionConfig:
    """Return the configuration with every default."""
    return _DEFAULT
