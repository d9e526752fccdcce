"""Sales invoices: an online book of one enterprise's invoices, and what their monthly figures say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from math import log, log10, sqrt
from typing import Final, NamedTuple

from detectors.config import InvoicesConfig
from detectors.contract import Clearance, Context, Opinion, Plain
from detectors.memoryless import Memoryless

_YEAR: Final = 12
#: Bits by which buyers are told apart (linear counting): a few hundred can be counted.
_BITS: Final = 512
#: Buyers whose sales are kept, the largest ones (Space-Saving).
_BUYERS: Final = 32
#: Trade of so many invoices a month, and so many buyers, is no longer thin.
_MANY_INVOICES, _MANY_BUYERS = 100.0, 100.0
#: Days without a sale that say nothing yet, and days more until they say all.
_QUIET_DAYS, _SILENT_DAYS = 30.0, 180.0
#: Shares of voided and of red-letter invoices that say all.
_VOIDED, _RED = 0.4, 0.2
#: Standard deviations of a Poisson number that red-letter invoices of a quarter must be beyond the usual one.
_RED_SIGMAS: Final = 3.0
#: A figure beyond this, CNY or invoices, is a mistake.
_MOST: Final = 1e15


class Invoice(NamedTuple):
    """One sales invoice.

    Parameters
    ----------
    day, month
        Ordinals of the calendar.
    buyer
        Who bought; any text.
    amount
        CNY without tax; below 0: a red-letter invoice, which takes back an earlier one.
    voided
        Whether it was voided.
    """

    day: int
    month: int
    buyer: str
    amount: float
    voided: bool = False


class _Month:
    """What one month brought: invoices issued, voided and red, and sales in CNY."""

    __slots__ = ("issued", "red", "sales", "voided")

    def __init__(self, issued: int = 0, voided: int = 0, red: int = 0, sales: float = 0.0) -> None:
        self.issued, self.voided, self.red, self.sales = issued, voided, red, sales

    @property
    def standing(self) -> int:
        """Invoices that were not voided."""
        return self.issued - self.voided


class InvoiceBook:
    """How an enterprise's sales look to a lender, from its invoices, one after the other.

    Eight signs, each from 0 (sound) to 1, are averaged by documented weights; none is fitted. Little trade is the
    strongest: few invoices, months without any, few buyers. Then concentration on few of them, silence of late, voided
    and red-letter invoices, and a fall of sales against the year before. A firm that has just begun looks as thin as
    one that hardly trades: it has shown no more.

    A book takes 4 KB at most, whatever comes.

    Parameters
    ----------
    config
        Months that are looked at, and the weights.

    Examples
    --------
    >>> book = InvoiceBook(InvoicesConfig())
    >>> for day in range(0, 900, 3):
    ...     book.learn_one(Invoice(day, day // 30, f"buyer {day % 40}", 1_000.0))
    >>> 0.0 < book.risk(900, 30) < 0.3 < book.risk(1_200, 40) < 1.0
    True
    """

    __slots__ = ("_bits", "_config", "_last", "_months", "_sales_by_buyer")

    def __init__(self, config: InvoicesConfig) -> None:
        self._config = config
        self._months: dict[int, _Month] = {}
        self._bits = 0
        self._sales_by_buyer: dict[int, float] = {}
        self._last: int | None = None

    def learn_one(self, invoice: Invoice) -> None:
        """Enter an invoice. Amounts that are not finite, or past all belief, count as 0."""
        month = self._months.get(invoice.month)
        if month is None:
            month = self._months[invoice.month] = _Month()
            self._forget()
        month.issued += 1
        if invoice.voided:
            month.voided += 1
            return
        amount = invoice.amount if -_MOST < invoice.amount < _MOST else 0.0
        month.sales += amount
        if amount < 0:
            month.red += 1
            return
        self._last = invoice.day if self._last is None else max(self._last, invoice.day)
        self._enter(int.from_bytes(blake2b(invoice.buyer.encode(), digest_size=6).digest(), "little"), amount)

    def _forget(self) -> None:
        newest = max(self._months)
        for month in [month for month in self._months if month <= newest - self._config.months]:
            del self._months[month]

    def _enter(self, buyer: int, amount: float) -> None:
        self._bits |= 1 << buyer % _BITS
        sales = self._sales_by_buyer
        if buyer not in sales and len(sales) >= _BUYERS:
            # The newcomer takes the place of the smallest one, and its sales: it may have come before.
            amount += sales.pop(min(sales, key=lambda one: (sales[one], one)))
        sales[buyer] = sales.get(buyer, 0.0) + amount

    def signs(self, day: int, month: int) -> Mapping[str, float]:
        """Return the signs as seen on a day of a month, each from 0 to 1."""
        span = self._config.months
        months = [self._months.get(past, _Month()) for past in range(month - span + 1, month + 1)]
        issued = sum(one.issued for one in months)
        standing = sum(one.standing for one in months)
        year, before = (sum(one.sales for one in part) for part in (months[-_YEAR:], months[-2 * _YEAR : -_YEAR]))
        free = _BITS - self._bits.bit_count()
        buyers = _BITS * log(_BITS / max(free, 1))
        return {
            "few_invoices": _thin(standing / span, _MANY_INVOICES),
            "idle_months": sum(one.standing == 0 for one in months) / span,
            "few_buyers": _thin(buyers, _MANY_BUYERS),
            "concentration": self._concentration(),
            "silence": 1.0 if self._last is None else _clip((day - self._last - _QUIET_DAYS) / _SILENT_DAYS),
            "voided": _clip(sum(one.voided for one in months) / max(issued, 1) / _VOIDED),
            "red_letter": _clip(sum(one.red for one in months) / max(issued, 1) / _RED),
            "fall": _clip(1.0 - year / before) if before > 0 else 0.0,
        }

    def _concentration(self) -> float:
        total = sum(self._sales_by_buyer.values())
        return sum((sales / total) ** 2 for sales in self._sales_by_buyer.values()) if total > 0 else 1.0

    def risk(self, day: int, month: int) -> float:
        """Return the weighted mean of the signs, 0 to 1."""
        weights = self._config.weights
        signs = self.signs(day, month)
        return sum(weights[name] * sign for name, sign in signs.items()) / sum(weights.values())

    def dump(self) -> list[Plain]:
        """Return what :meth:`load` takes."""
        months: list[Plain] = [[m, o.issued, o.voided, o.red, o.sales] for m, o in self._months.items()]
        buyers: list[Plain] = [[buyer, sales] for buyer, sales in self._sales_by_buyer.items()]
        return [self._last, f"{self._bits:x}", months, buyers]

    def load(self, state: list[Plain]) -> None:
        """Take on what :meth:`dump` returned."""
        self._last, bits, saved, buyers = state  # type: ignore[assignment]  # as dump wrote them
        months: list[tuple[int, int, int, int, float]] = saved  # type: ignore[assignment]  # likewise
        self._bits = int(bits, 16)  # type: ignore[arg-type]  # likewise
        self._months = {month: _Month(issued, voided, red, sales) for month, issued, voided, red, sales in months}
        self._sales_by_buyer = dict(buyers)  # type: ignore[arg-type]  # likewise


def _thin(count: float, many: float) -> float:
    """Return 1 for none, falling by the logarithm to 0 for many."""
    return _clip(1.0 - log10(1.0 + count) / log10(1.0 + many))


def _clip(value: float) -> float:
    return min(max(value, 0.0), 1.0)


class InvoiceSigns(Memoryless):
    """Monthly invoice figures: no invoice for months, many red-letter ones, and sales that hang on one buyer.

    Parameters
    ----------
    config
        Shares, months, severities.
    """

    name = "tax-invoice-signs"
    version = 2
    family = "tax"
    series = ("invoices_issued", "invoices_red", "top_buyer_sales", "vat_sales")

    def __init__(self, config: InvoicesConfig) -> None:
        self._config = config

    def judge_one(self, memory: tuple[()], context: Context) -> Sequence[Opinion]:
        """Return the signs that stand."""
        found = self._silence(context), self._red_letter(context), self._concentration(context)
        return [opinion for opinion in found if opinion is not None]

    def _silence(self, context: Context) -> Opinion | None:
        """Return that an enterprise issues no invoices that used to, most months of the year before."""
        config = self._config
        issued = context.series.get("invoices_issued")
        if issued is None:
            return None
        run = 0
        while run < len(issued.values) and issued.values[-1 - run] == 0:
            run += 1
        before = [
            v for v in issued.values[max(len(issued.values) - run - _YEAR, 0) : len(issued.values) - run] if v == v
        ]
        trading = [v for v in before if v > 0]
        if run < config.silent_months or len(trading) < config.min_history_months or 2 * len(trading) < len(before):
            return None
        return Opinion(
            "tax.no-invoices",
            config.silent_severity,
            observed=0.0,
            expected=sorted(trading)[len(trading) // 2],
            unit="count",
            since=context.calendar.month_start(issued.last - run + 1),
            half_life_days=config.half_life_days,
            clearance=Clearance("invoices_issued", 0.0, "count", periods=1),
            facts={"months": float(run)},
        )

    def _red_letter(self, context: Context) -> Opinion | None:
        """Return that a large part of a quarter's invoices took others back."""
        config = self._config
        issued, red = _year(context, "invoices_issued", "invoices_red")
        of_issued, of_red = sum(issued[-3:]), sum(red[-3:])
        if len(red) < config.min_history_months or of_issued < config.min_invoices:
            return None
        share, usual = of_red / of_issued, sum(red[:-3]) / max(sum(issued[:-3]), 1.0)
        if share < max(config.red_share, config.red_factor * usual):
            return None
        expected = usual * of_issued
        if of_red - expected <= _RED_SIGMAS * sqrt(max(expected, 1.0)):  # three of twenty happen by chance
            return None
        return Opinion(
            "tax.red-letter",
            config.red_severity,
            observed=share,
            expected=usual,
            unit="%",
            since=context.calendar.month_start(context.series["invoices_red"].last - 2),
            half_life_days=config.half_life_days,
            facts={"red": of_red},
        )

    def _concentration(self, context: Context) -> Opinion | None:
        """Return that one buyer takes nearly all, and that this is new."""
        config = self._config
        sales, top = _year(context, "vat_sales", "top_buyer_sales")
        if len(top) < config.min_history_months + 3 or not sum(sales[-3:]) > 0 or not sum(sales[:-3]) > 0:
            return None
        share, usual = sum(top[-3:]) / sum(sales[-3:]), sum(top[:-3]) / sum(sales[:-3])
        if share < config.buyer_share or share - usual < config.buyer_rise:
            return None
        return Opinion(
            "tax.one-buyer",
            config.buyer_severity,
            observed=min(share, 1.0),
            expected=min(usual, 1.0),
            unit="%",
            since=context.calendar.month_start(context.series["top_buyer_sales"].last - 2),
            half_life_days=config.half_life_days,
        )


def _year(context: Context, one: str, other: str) -> tuple[list[float], list[float]]:
    """Return the months of the last year of two series, as far as both are known and not below 0."""
    known = context.series.get(one), context.series.get(other)
    if known[0] is None or known[1] is None:
        return [], []
    month = min(known[0].last, known[1].last)
    both = zip(reversed(known[0].upto(month)), reversed(known[1].upto(month)), strict=False)
    pairs = [pair for pair in both if pair[0] >= 0 and pair[1] >= 0 and max(pair) < _MOST][:_YEAR]
    return [a for a, _ in reversed(pairs)], [b for _, b in reversed(pairs)]
