"""News events: severity by the lexicon, and by a trained model where there is one; once per story."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from detectors.config import SentimentConfig
from detectors.contract import Context, Event, Opinion, Plain
from detectors.payloads import text_of
from detectors.sentiment.duplicates import fingerprint, nearest
from detectors.sentiment.lexicon import NEUTRAL, Reading, blended, read
from detectors.sentiment.model import HeadlineModel

_LONGEST_BODY: Final = 4000


class _Story(NamedTuple):
    """What is remembered of a story: fingerprint, when it first came (milliseconds), most that it was worth, items."""

    print: int
    since: int
    worth: float
    items: int


#: The newest stories, oldest first.
StoryMemory = list[_Story]


class News:
    """What the news says of the enterprise: one opinion per story, however often it is copied.

    Parameters
    ----------
    config
        Floors, factors, half-life, how near two items are to be one story.
    model
        Judges titles beside the lexicon; None: the lexicon alone. The configuration names it by its digest.

    Raises
    ------
    ValueError
        The configuration names another model than this.
    """

    name = "sentiment-news"
    version = 3
    family = "sentiment"
    events = ("news",)

    def __init__(self, config: SentimentConfig, model: HeadlineModel | None = None) -> None:
        digest = model.digest if model else ""
        if config.model != digest:
            message = (
                f"sentiment.model of the detection configuration is {config.model or 'empty'}, but the model given is "
                f"{digest or 'none'}: set FOREWARN_SENTIMENT_MODEL to the file of that model, or change sentiment.model"
            )
            raise ValueError(message)
        self._config, self._model = config, model

    def memory(self) -> StoryMemory:
        """Return the memory of an enterprise that was never seen."""
        return []

    def dump(self, memory: StoryMemory) -> list[Plain]:
        """Return the memory as plain values."""
        return [list(story) for story in memory]

    def load(self, state: list[Plain]) -> StoryMemory:
        """Return the memory that ``dump`` described."""
        return [_Story(*story) for story in state]  # type: ignore[misc]  # as dump wrote them

    def judge_one(self, memory: StoryMemory, event: Event, context: Context) -> Sequence[Opinion]:
        """Return the story, if the item is bad news and worse than what is known of it."""
        reading = self.reading(event, context)
        if reading.severity < self._config.speak_from:
            return ()
        found = self._print(event)
        at = nearest([story.print for story in memory], found, self._config.duplicate_bits)
        known = None if at is None else memory[at]
        weight = self._weight(event)
        if known is not None and reading.severity * weight <= known.worth:
            return ()
        since = known.since if known else event.published_at
        facts: dict[str, str | float] = {"title": text_of(event.payload, "title", 120)}
        if reading.term:
            facts["term"] = reading.term
        if event.source:
            facts["source"] = event.source
        return (
            Opinion(
                "sentiment.serious-news" if reading.hard else "sentiment.negative-news",
                reading.severity,
                subject=f"{known.print if known else found:016x}",
                confidence=weight,
                since=since,
                lasting=False,
                half_life_days=self._config.half_life_days,
                facts=facts,
            ),
        )

    def learn_one(self, memory: StoryMemory, event: Event, context: Context) -> None:
        """Count the item to its story, or begin a new one; good news needs no memory."""
        reading = self.reading(event, context)
        if reading.severity < self._config.speak_from:
            return
        found, worth = self._print(event), reading.severity * self._weight(event)
        at = nearest([story.print for story in memory], found, self._config.duplicate_bits)
        if at is None:
            memory.append(_Story(found, event.published_at, worth, 1))
            del memory[: -self._config.max_clusters]
        else:
            story = memory.pop(at)
            memory.append(story._replace(worth=max(story.worth, worth), items=story.items + 1))

    def _weight(self, event: Event) -> float:
        return self._config.source_weights.get(event.source, 1.0)

    def reading(self, event: Event, context: Context) -> Reading:
        """Return the worse of title and body, for the enterprise's names or else the subject that the source names.

        Its severity tells any two items apart; only one of ``speak_from`` or more becomes an opinion.
        """
        config, names = self._config, context.profile.names
        subject = text_of(event.payload, "subject", 200)
        known = names or ((subject,) if subject else ())
        title = text_of(event.payload, "title")
        worst = read(title, known, config.other_subject_factor)
        if self._model is not None and title and not worst.hard:
            odds = self._model.log_odds(title, known)
            worst = worst._replace(severity=blended(worst.severity, odds, config.model_share))
        text = text_of(event.payload, "text", _LONGEST_BODY)
        if text:
            body = read(text, known, config.other_subject_factor)
            body = body._replace(severity=body.severity * config.body_factor, hard=False)
            worst = max(worst, body, key=lambda reading: reading.severity)
        if worst is NEUTRAL:
            return worst
        if subject and names and not any(name in subject or subject in name for name in names):
            return worst._replace(severity=worst.severity * config.other_subject_factor, hard=False)
        return worst._replace(severity=max(worst.severity, config.hard_floor)) if worst.hard else worst

    def _print(self, event: Event) -> int:
        return fingerprint(text_of(event.payload, "title"))
