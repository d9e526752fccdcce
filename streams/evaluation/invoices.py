"""Sales invoices of small enterprises, some of which defaulted: the invoice book, read when the data ends."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from io import TextIOWrapper
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

from detectors.calendar import Calendar
from detectors.config import default
from detectors.invoices import Invoice, InvoiceBook
from streams.evaluation.scores import auc, auc_interval, recall_at
from streams.evaluation.suite import Task, unpacking, write_rows

_DEFAULTED: Mapping[str, bool] = {"是": True, "否": False}
_VOIDED = "作废发票"
_EPOCH = date(1970, 1, 1).toordinal()


def evaluate(task: Task, tell: Callable[[int, int], None]) -> Mapping[str, object]:
    """Return how well the risk of the invoice books ranks those that defaulted.

    Each book is filled in the order of the invoices' dates, and read at the end of the month of the newest invoice of
    the whole set: silence is counted up to then, for all enterprises alike.
    """
    labels = _labels(task.file("invoices", "enterprises.csv"))
    sales: dict[str, list[Invoice]] = {}
    for number, (enterprise, invoices) in enumerate(_sales(task.file("invoices", "invoices.zip"))):
        tell(number, len(labels))
        sales[enterprise] = sorted(invoices)
    newest = max((invoices[-1] for invoices in sales.values() if invoices), key=lambda invoice: invoice.day)
    end = Calendar().day_of(Calendar().month_start(newest.month + 1)) - 1
    risks = {enterprise: _risk(sales.get(enterprise, []), end, newest.month) for enterprise in labels}
    tell(len(labels), len(labels))
    if task.out:
        write_rows(task.out, ("id", "score"), ((one, repr(risk)) for one, risk in risks.items()))
    judged = {enterprise: label for enterprise, label in labels.items() if label is not None}
    scores, bad = [risks[enterprise] for enterprise in judged], list(judged.values())
    return {
        "auc": round(auc(scores, bad), 4),
        "ci95": [round(edge, 4) for edge in auc_interval(scores, bad, task.seed)],
        "recall_at_10pct": round(recall_at(scores, bad, 0.1), 4),
        "enterprises": len(labels),
        "labelled": len(judged),
        "defaults": sum(bad),
    }


def _risk(invoices: list[Invoice], day: int, month: int) -> float:
    book = InvoiceBook(default().invoices)
    for invoice in invoices:
        book.learn_one(invoice)
    return book.risk(day, month)


def _labels(path: Path) -> dict[str, bool | None]:
    """Return who defaulted, None: unknown. The credit grade is not looked at: it was given with the default in mind."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        try:
            return {row["企业代号"]: _DEFAULTED.get(row["是否违约"].strip()) for row in reader}
        except (KeyError, AttributeError) as error:
            message = f"{path}, line {reader.line_num}: the columns 企业代号 and 是否违约 are needed: {error}"
            raise ValueError(message) from None


def _sales(path: Path) -> Iterator[tuple[str, list[Invoice]]]:
    with unpacking(path), ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            member = PurePosixPath(name)
            if member.parent.name != "output" or member.suffix != ".csv":
                continue
            with archive.open(name) as raw, TextIOWrapper(raw, "utf-8-sig", newline="") as file:
                reader = csv.DictReader(file)
                try:
                    yield member.stem, [_invoice(row) for row in reader]
                except (KeyError, TypeError, AttributeError, ValueError) as error:
                    message = f"{path}, {name}, line {reader.line_num}: {error}"
                    raise ValueError(message) from None


def _invoice(row: Mapping[str, str]) -> Invoice:
    year, month, day = (int(part) for part in row["开票日期"].replace("-", "/").split()[0].split("/"))
    return Invoice(
        date(year, month, day).toordinal() - _EPOCH,
        year * 12 + month - 1,
        row["购方单位代号"],
        float(row["金额"].replace(",", "")),
        row["发票状态"].strip() == _VOIDED,
    )
