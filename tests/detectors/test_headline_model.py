"""The model of headlines: what it learns, its file, and that it never goes below a floor."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.calendar import Calendar
from detectors.checks import Check, yield_checks
from detectors.config import default
from detectors.contract import Context, Event, Profile
from detectors.sentiment.lexicon import SOFT_CEILING, Reading
from detectors.sentiment.model import BITS, FORMAT, HeadlineModel, ModelFileError, hashed_runs
from detectors.sentiment.news import News
from detectors.sentiment.training import Example, train

GOOD = ["中标大单", "利润增长", "签订战略合作协议", "获得专利", "新工厂投产", "上调业绩预期"]
BAD = ["利润下滑", "被罚款", "股东大举减持", "终止重组", "业绩预亏", "收到监管函"]
FIRM = "福州甲精密机械有限公司"
CALENDAR = Calendar()
FLOORS = [
    (row["subject"], row["text"])
    for row in csv.DictReader((Path(__file__).parent / "floor_texts.csv").read_text(encoding="utf-8").splitlines())
    if row["floor"] == "1"
]


@pytest.fixture(scope="module")
def model() -> HeadlineModel:
    good = [Example(f"甲精密机械{text}", (FIRM,), False) for text in GOOD]
    return train([*good, *(Example(f"甲精密机械{text}", (FIRM,), True) for text in BAD)])


def detector(model: HeadlineModel | None) -> News:
    return News(replace(default().sentiment, model=model.digest if model else ""), model)


def reading(news: News, title: str, name: str = FIRM, **more: str) -> Reading:
    context = Context(0, CALENDAR, Profile(names=(name,)), {}, {})
    return news.reading(Event("news", {"title": title, **more}, 0, 0, ""), context)


def optimist(bias: float = -1000.0) -> HeadlineModel:
    return HeadlineModel(np.zeros(2**BITS, np.float16), bias)


def test_it_learns_from_words_and_not_from_names(model: HeadlineModel) -> None:
    assert model.log_odds("净利润下滑", ()) > 0 > model.log_odds("净利润增长", ())
    assert model.log_odds("甲精密机械利润下滑", (FIRM,)) == model.log_odds(
        "乙石油化工利润下滑", ("乙石油化工有限公司",)
    )


def test_numbers_count_alike() -> None:
    assert (hashed_runs("减持12万股", ()) == hashed_runs("减持9987万股", ())).all()


def test_training_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    examples = [Example(text, (), text in BAD) for text in GOOD + BAD]
    for name in ("one", "two"):
        train(examples).save(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize("texts", [GOOD, BAD])
def test_training_needs_both_kinds(texts: list[str]) -> None:
    with pytest.raises(ValueError, match="bad and other"):
        train([Example(text, (), texts is BAD) for text in texts])


def test_a_saved_model_judges_alike(model: HeadlineModel, tmp_path: Path) -> None:
    model.save(tmp_path / "deep" / "model.npz")
    again = HeadlineModel.load(tmp_path / "deep" / "model.npz")
    assert again.digest == model.digest
    assert [again.log_odds(text, ()) for text in GOOD + BAD] == [model.log_odds(text, ()) for text in GOOD + BAD]


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="No such file"):
        HeadlineModel.load(tmp_path / "none.npz")


@pytest.mark.parametrize("content", [b"", b"not a model", b"PK\x03\x04 half a zip", b"\x93NUMPY\x01\x00"])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.npz").write_bytes(content)
    with pytest.raises(ModelFileError, match="no model of headlines"):
        HeadlineModel.load(tmp_path / "model.npz")


def test_pickles_and_plain_arrays_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "pickled.npz", format=np.array([{"a": 1}], dtype=object))
    np.save(tmp_path / "plain.npy", np.zeros(3))
    for name in ("pickled.npz", "plain.npy"):
        with pytest.raises(ModelFileError, match="no model of headlines"):
            HeadlineModel.load(tmp_path / name)


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "model.npz", format=np.array(FORMAT + 1))
    with pytest.raises(ModelFileError, match=f"format is {FORMAT + 1}"):
        HeadlineModel.load(tmp_path / "model.npz")


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_the_same(
    model: HeadlineModel, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("models") / "model.npz"
    model.save(path)
    whole = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(whole)
    try:
        assert HeadlineModel.load(path).digest == model.digest  # a byte that says nothing, a time stamp
    except ModelFileError as error:
        assert str(path) in str(error)


@given(title=st.text(max_size=600), name=st.text(max_size=12))
@settings(max_examples=100, deadline=None)
def test_any_title_is_judged(title: str, name: str) -> None:
    model = optimist(0.5)
    assert model.log_odds(title, (name,)) == 0.5
    assert 0 < reading(detector(model), title, name).severity <= 1


@given(st.sampled_from(FLOORS), st.sampled_from(GOOD))
@settings(max_examples=80, deadline=None)
def test_a_model_never_goes_below_a_floor(floor: tuple[str, str], praise: str) -> None:
    subject, text = floor
    found = reading(detector(optimist()), f"{text}。{praise}", subject)
    assert found.hard
    assert found.severity >= default().sentiment.hard_floor


def test_a_model_lifts_and_lowers_what_is_no_floor(model: HeadlineModel) -> None:
    alone, both = detector(None), detector(model)
    assert reading(both, "甲精密机械利润下滑").severity > reading(detector(optimist()), "甲精密机械利润下滑").severity
    assert reading(both, "甲精密机械召开年会").severity != reading(alone, "甲精密机械召开年会").severity
    assert reading(detector(optimist(1000.0)), "甲精密机械召开年会").severity <= SOFT_CEILING


def test_an_opinion_of_the_model_alone_names_no_term() -> None:
    news = detector(optimist(1000.0))
    context = Context(0, CALENDAR, Profile(names=(FIRM,)), {}, {})
    (opinion,) = news.judge_one(news.memory(), Event("news", {"title": "甲精密机械召开年会"}, 0, 0, ""), context)
    assert opinion.reason == "sentiment.negative-news"
    assert "term" not in opinion.facts


def test_the_configuration_names_the_model(model: HeadlineModel) -> None:
    assert model.digest != optimist().digest
    with pytest.raises(ValueError, match="FOREWARN_SENTIMENT_MODEL"):
        News(default().sentiment, model)
    with pytest.raises(ValueError, match="the model given is none"):
        News(replace(default().sentiment, model="0123"))


@pytest.mark.parametrize("check", [pytest.param(c, id=c.__name__) for c in yield_checks(News(default().sentiment))])
def test_the_detector_keeps_its_promises_with_a_model(check: Check, model: HeadlineModel) -> None:
    check(detector(model))
