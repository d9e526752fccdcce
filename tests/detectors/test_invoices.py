"""The invoice book: what makes a seller look weak; and opinions on monthly invoice figures."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from math import inf, nan
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.config import DetectionConfig, InvoicesConfig
from detectors.contract import Opinion
from detectors.invoices import Invoice, InvoiceBook, InvoiceSigns

Story = Callable[..., list[Sequence[Opinion]]]
CONFIG = InvoicesConfig()
JANUARY = 2024 * 12
DAYS = 1080


def trade(
    *, every: int = 1, buyers: int = 80, until: int = DAYS, voided: float = 0.0, red: float = 0.0, seed: int = 1
) -> list[Invoice]:
    random = Random(seed)
    return [
        Invoice(
            day,
            day // 30,
            f"buyer {random.randrange(buyers)}",
            -500.0 if random.random() < red else 1000.0,
            random.random() < voided,
        )
        for day in range(0, until, every)
    ]


def book(invoices: Sequence[Invoice]) -> InvoiceBook:
    filled = InvoiceBook(CONFIG)
    for invoice in invoices:
        filled.learn_one(invoice)
    return filled


def risk(invoices: Sequence[Invoice]) -> float:
    return book(invoices).risk(DAYS - 1, DAYS // 30 - 1)


SOUND = risk(trade())


@pytest.mark.parametrize(
    "weaker",
    [
        trade(every=20),
        trade(buyers=2),
        trade(until=DAYS - 120),
        trade(voided=0.3),
        trade(red=0.2),
        [invoice for invoice in trade() if invoice.day > 700],
        [*trade(until=DAYS - 360), *(invoice for invoice in trade(every=4) if invoice.day >= DAYS - 360)],
    ],
    ids=["few", "one-buyer", "silent", "voided", "red-letter", "young", "falling"],
)
def test_each_sign_raises_the_risk(weaker: list[Invoice]) -> None:
    assert risk(weaker) > SOUND


def test_nothing_is_the_worst_and_the_signs_are_shares() -> None:
    empty = book([]).signs(0, 0)
    assert empty["few_invoices"] == empty["idle_months"] == empty["silence"] == empty["concentration"] == 1.0
    assert set(empty) == set(CONFIG.weights)


def test_weights_are_settings() -> None:
    config = DetectionConfig.from_mapping({"invoices": {"weights": {"voided": 50.0}}}).invoices
    heavy = InvoiceBook(config)
    for invoice in trade(voided=0.4):
        heavy.learn_one(invoice)
    assert heavy.risk(DAYS - 1, DAYS // 30 - 1) > 2 * risk(trade(voided=0.4))
    with pytest.raises(ValueError, match="weights"):
        DetectionConfig.from_mapping({"invoices": {"weights": {"voided": -1.0}}})


@pytest.mark.parametrize("seed", range(3))
def test_a_book_cut_at_any_day_reads_as_the_whole_one_did_then(seed: int) -> None:
    invoices = trade(voided=0.1, red=0.05, seed=seed)
    cut = Random(seed).randrange(len(invoices))
    growing = InvoiceBook(CONFIG)
    then: dict[int, float] = {}
    for invoice in invoices:
        growing.learn_one(invoice)
        then[invoice.day] = growing.risk(invoice.day, invoice.month)
    last = invoices[cut]
    assert book(invoices[: cut + 1]).risk(last.day, last.month) == then[last.day]


def test_a_voided_invoice_is_no_sale() -> None:
    voided = [Invoice(DAYS - 1, DAYS // 30 - 1, "x", 1000.0, voided=True)]
    quiet = trade(until=DAYS - 120)
    assert book(quiet + voided).signs(DAYS - 1, 35)["silence"] == book(quiet).signs(DAYS - 1, 35)["silence"] > 0


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.builds(
            Invoice,
            st.integers(0, 4000),
            st.integers(0, 130),
            st.text(max_size=4),
            st.floats() | st.sampled_from([inf, -inf, nan, 1e308, -1.0, 5.0]),
            st.booleans(),
        ),
        max_size=120,
    )
)
def test_any_invoices_make_a_bounded_book_that_can_be_saved(invoices: list[Invoice]) -> None:
    kept, saved = InvoiceBook(CONFIG), InvoiceBook(CONFIG)
    for invoice in invoices:
        kept.learn_one(invoice)
        resumed = InvoiceBook(CONFIG)
        resumed.load(json.loads(json.dumps(saved.dump())))
        saved = resumed
        saved.learn_one(invoice)
    assert saved.dump() == kept.dump()
    assert 0.0 <= kept.risk(4000, 131) <= 1.0
    assert len(json.dumps(kept.dump())) < 6_000


def monthly(story: Story, **series: list[float]) -> list[list[str]]:
    told = story(InvoiceSigns(CONFIG), series, JANUARY)
    return [[opinion.reason for opinion in opinions] for opinions in told]


def test_no_invoices_for_two_months_is_told_until_one_comes(story: Story) -> None:
    told = monthly(story, invoices_issued=[30.0] * 12 + [0.0] * 3 + [20.0])
    assert told[12] == []
    assert told[13] == told[14] == ["tax.no-invoices"]
    assert told[15] == []


def test_a_firm_that_seldom_sells_is_left_alone(story: Story) -> None:
    assert not any(monthly(story, invoices_issued=[3.0, 0.0, 0.0, 0.0, 2.0, 0.0] * 4))


def test_many_red_letter_invoices_are_told(story: Story) -> None:
    told = monthly(story, invoices_issued=[40.0] * 14, invoices_red=[1.0] * 11 + [12.0] * 3)
    assert told[10] == []
    assert told[13] == ["tax.red-letter"]
    always = monthly(story, invoices_issued=[40.0] * 14, invoices_red=[12.0] * 14)
    assert not any(always)
    by_chance = monthly(story, invoices_issued=[7.0] * 14, invoices_red=[0.0] * 10 + [1.0, 1.0, 1.0, 0.0])
    assert not any(by_chance)  # 3 of 21


def test_sales_that_come_to_hang_on_one_buyer_are_told(story: Story) -> None:
    told = monthly(story, vat_sales=[1e6] * 14, top_buyer_sales=[2e5] * 10 + [9e5] * 4)
    assert told[9] == []
    assert told[13] == ["tax.one-buyer"]
    assert not any(monthly(story, vat_sales=[1e6] * 14, top_buyer_sales=[9e5] * 14))
