"""Scoring a reader test: counts first, then what they show of these readers, of readers and of images."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from math import sqrt

import numpy as np

from gist import numerals
from gist.errors import InputError
from gist.metrics.intervals import wilson
from gist.pages.words import joined
from gist.reader.result import (
    ClassAnswers,
    Cue,
    Equivalence,
    KappaResult,
    Kappas,
    Performance,
    RandomEffects,
    ReaderScore,
    Score,
    SeveralReaders,
    Times,
)
from gist.reader.sentences import left_out, limits, sentence
from gist.reader.statistics import several_readers as random_effects
from gist.reader.statistics.agreement import Kappa, cohen, fleiss
from gist.reader.statistics.detection import detection
from gist.reader.statistics.shares import CHANCE, LEVEL, difference_p, equivalence_p, interval_90
from gist.reader.tables import WORDS, Reading, Source, Tables, read_tables

MARGIN = 0.1
LEAST_SHARE = 0.5
"""Readers who answered fewer of the images count by themselves, but not among the readers as a sample."""


def score(answers: Source, key: Source, *, margin: float = MARGIN) -> Score:
    """Scores the answers of a reader test.

    `answers` has columns reader, image, answer (real or synthetic; left or right for pairs, the side of the real one)
    and may have confidence (1 to 5), class_answer, cues (with ; between), seconds and repeat (1 for second readings);
    `key` has image, truth and may have class. Each is a CSV file or rows, as `DataFrame.to_dict("records")` gives.
    `margin` is how far from chance, in shares of 1, still counts as chance.

    Raises:
        InputError: a table cannot be read or holds what no reader can have answered, or the margin is none.
    """
    return score_tables(read_tables([answers], key), margin, set_beforehand=False)


def score_tables(tables: Tables, margin: float, *, set_beforehand: bool) -> Score:
    """Scores tables; `set_beforehand` says that the margin was chosen before the first answer.

    Raises:
        InputError: the margin is none.
    """
    if not 0 < margin < CHANCE:
        raise InputError(f"A margin of {margin:g} is none; it is a share between 0 and .5, such as 0.1.")
    first = [reading for reading in tables.readings if not reading.repeat]
    of_reader: dict[str, list[Reading]] = defaultdict(list)
    for reading in first:
        of_reader[reading.reader].append(reading)
    pooled = _performance(tables, first, margin, set_beforehand)
    readers = tuple(
        ReaderScore(
            **dict(_performance(tables, readings, margin, set_beforehand)),
            reader=name,
            answered=len(readings),
            of=len(tables.key),
            agreement_with_self=_with_self(tables, name),
            seconds=_times(tables, readings),
        )
        for name, readings in of_reader.items()
    )
    several, notes = _several(tables, of_reader)
    together = _together(pooled, readers, several, margin, set_beforehand)
    return Score(
        **dict(together),
        kind=tables.kind,
        images=len(tables.key),
        readers=readers,
        pooled=pooled,
        several_readers=None if several is None else several.result,
        kappas=_kappas(tables, of_reader, readers),
        cues=_cues(tables, first),
        classes=_classes(tables, first),
        seconds=_times(tables, first),
        notes=(*left_out(tables, readers), *notes, *limits(tables, readers, set_beforehand)),
        sentence=sentence(together, len(readers), several is not None),
    )


def _is_right(tables: Tables, reading: Reading) -> bool:
    return reading.answer == tables.key[reading.image].truth


def _performance(
    tables: Tables, readings: Sequence[Reading], margin: float, set_beforehand: bool
) -> Performance:
    """Of readings taken one by one."""
    signal, noise = WORDS[tables.kind]
    pairs = Counter((tables.key[reading.image].truth, reading.answer) for reading in readings)
    hits, false_alarms = pairs[signal, signal], pairs[noise, signal]
    signals, noises = hits + pairs[signal, noise], false_alarms + pairs[noise, noise]
    n, right = len(readings), hits + pairs[noise, noise]
    shares = {
        "accuracy": (right, n),
        "sensitivity": (hits, signals),
        "specificity": (noises - false_alarms, noises),
        "precision": (hits, hits + false_alarms),
    }
    intervals = {name: wilson(k / of, of) for name, (k, of) in shares.items() if of}
    values = {name: k / of if of else None for name, (k, of) in shares.items()}
    seen = auc = None
    if signals and noises:
        seen = detection(hits, signals, false_alarms, noises, choices=2 if tables.kind == "pairs" else 1)
        intervals["d_prime"] = seen.low, seen.high
        auc = _auc(tables, readings)
        if auc is not None and auc[1] > 0:
            intervals["auc"] = max(0.0, auc[0] - 1.959964 * auc[1]), min(1.0, auc[0] + 1.959964 * auc[1])
    low, high = interval_90(right, n)
    p_equivalent = equivalence_p(right, n, margin)
    return Performance(
        counts={
            "readings": n,
            "right": right,
            **{f"{a} called {b}": pairs[a, b] for a in (signal, noise) for b in (signal, noise)},
        },
        accuracy=right / n,
        p_value=difference_p(right, n),
        sensitivity=values["sensitivity"],
        specificity=values["specificity"],
        precision=values["precision"],
        d_prime=None if seen is None else seen.d_prime,
        criterion=None if seen is None else seen.criterion,
        auc=None if auc is None else auc[0],
        intervals=intervals,
        equivalence=Equivalence(
            margin=margin,
            set_beforehand=set_beforehand,
            p_value=p_equivalent,
            low=low,
            high=high,
            shown=p_equivalent < LEVEL,
        ),
    )


def _rating(tables: Tables, reading: Reading) -> float:
    """-5 for surely real to 5 for surely synthetic."""
    return (reading.confidence or 0) * (1 if reading.answer == tables.signal else -1)


def _rates(tables: Tables, readings: Iterable[Reading]) -> bool:
    """Whether there is a rating to every answer, of a test in which one ranks images."""
    return tables.kind == "single" and all(reading.confidence is not None for reading in readings)


def _auc(tables: Tables, readings: Sequence[Reading]) -> tuple[float, float] | None:
    """Area and standard error of readings taken one by one."""
    signal = np.array([tables.key[reading.image].truth == tables.signal for reading in readings])
    if not _rates(tables, readings) or min(signal.sum(), (~signal).sum()) < 2:
        return None
    ratings = np.array([[[_rating(tables, reading) for reading in readings]]])
    measured = random_effects.auc(ratings, signal)
    return float(measured.values[0, 0]), sqrt(measured.covariances[0, 0, 0, 0])


class _Several:
    """Readers as a sample, for whatever is measured of them."""

    def __init__(self, tables: Tables, readers: Sequence[str], images: Sequence[str]) -> None:
        answered = {(r.reader, r.image): r for r in tables.readings if not r.repeat}
        readings = [[answered[reader, image] for image in images] for reader in readers]
        self.truths_K = np.array([tables.key[image].truth for image in images])
        self.signal = tables.signal
        self.right_TRK = np.array([[[_is_right(tables, r) for r in row] for row in readings]])
        rated = all(_rates(tables, row) for row in readings) and self._both(2)
        ratings_TRK = np.array([[[_rating(tables, r) for r in row] for row in readings]])
        self.accuracy = random_effects.one_modality(random_effects.share_right(self.right_TRK, self.truths_K))
        self.auc = (
            random_effects.one_modality(random_effects.auc(ratings_TRK, self.truths_K == self.signal))
            if rated
            else None
        )
        self.result = SeveralReaders(
            accuracy=self._stated(self.accuracy), auc=None if self.auc is None else self._stated(self.auc)
        )

    def _both(self, least: int) -> bool:
        signals = int((self.truths_K == self.signal).sum())
        return min(signals, len(self.truths_K) - signals) >= least

    def share_of(self, *, signals: bool) -> tuple[float, float] | None:
        """95 % interval of sensitivity or specificity."""
        chosen = (self.truths_K == self.signal) == signals
        if chosen.sum() < 2:
            return None
        measured = random_effects.share_right(self.right_TRK[..., chosen], self.truths_K[chosen])
        return random_effects.one_modality(measured).interval()

    def _stated(self, found: random_effects.OneModality) -> RandomEffects:
        low, high = found.interval()
        return RandomEffects(
            value=found.value,
            low=low,
            high=high,
            p_value=found.difference_p(),
            error=found.error,
            df=found.df,
            # E[MS(R)] = Var(R) + Var(error) - Cov2
            between_readers=sqrt(max(0.0, found.readers_mean_square - found.variance + found.cov2)),
            readers_mean_square=found.readers_mean_square,
            cov2=found.cov2,
            variance=found.variance,
            readers=self.right_TRK.shape[1],
            images=self.right_TRK.shape[2],
        )


def _several(tables: Tables, of_reader: dict[str, list[Reading]]) -> tuple[_Several | None, list[str]]:
    """What holds for other readers, and what was left out to say it."""
    if len(of_reader) < 2:
        return None, []
    notes = []
    enough = [name for name, readings in of_reader.items() if len(readings) >= LEAST_SHARE * len(tables.key)]
    if len(enough) < len(of_reader):
        few = joined([name for name in of_reader if name not in enough])
        notes.append(
            f"What is said of readers in general leaves out {few}, who answered fewer than half of the images."
        )
    common = set(tables.key).intersection(*({r.image for r in of_reader[name]} for name in enough))
    images = [image for image in tables.key if image in common]
    if len(enough) < 2 or len(images) < 2:
        return None, [
            *notes,
            "Too few images were answered by two readers or more to say anything of readers in general.",
        ]
    if len(images) < len(tables.key):
        notes.append(
            f"What is said of readers in general rests on the {numerals.counted(len(images), 'image')} that "
            f"{numerals.counted(len(enough), 'reader')} all answered."
        )
    several = _Several(tables, enough, images)
    if several.accuracy.error == 0:
        return None, [
            *notes,
            "All readers are right in the same way, which leaves no spread to judge readers in general by.",
        ]
    return several, notes


def _together(
    pooled: Performance,
    readers: Sequence[ReaderScore],
    several: _Several | None,
    margin: float,
    set_beforehand: bool,
) -> Performance:
    """All readers: counts as they are, and what follows from them for other readers, too, where that can be said."""
    if several is None:
        return pooled
    intervals = {"accuracy": several.accuracy.interval()}
    for name, signals in (("sensitivity", True), ("specificity", False)):
        if (interval := several.share_of(signals=signals)) is not None:
            intervals[name] = interval
    if several.auc is not None:
        intervals["auc"] = several.auc.interval()
    p_equivalent = several.accuracy.equivalence_p(margin)
    low, high = several.accuracy.interval(0.9)
    return pooled.model_copy(
        update={
            "p_value": several.accuracy.difference_p(),
            "d_prime": _mean(reader.d_prime for reader in readers),
            "criterion": _mean(reader.criterion for reader in readers),
            "auc": None if several.auc is None else several.auc.value,
            "intervals": intervals,
            "equivalence": Equivalence(
                margin=margin,
                set_beforehand=set_beforehand,
                p_value=p_equivalent,
                low=low,
                high=high,
                shown=p_equivalent < LEVEL,
            ),
        }
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _kappas(tables: Tables, of_reader: dict[str, list[Reading]], readers: Sequence[ReaderScore]) -> Kappas:
    said = {name: {r.image: r.answer for r in readings} for name, readings in of_reader.items()}
    together = fleiss([[own[image] for own in said.values() if image in own] for image in tables.key])
    pairs = (
        (
            (a, b),
            cohen(
                [
                    (said[a][image], said[b][image])
                    for image in tables.key
                    if image in said[a] and image in said[b]
                ]
            ),
        )
        for a, b in combinations(said, 2)
    )
    return Kappas(
        fleiss=None if together is None else _kappa(tuple(said), together),
        cohen=tuple(_kappa(names, kappa) for names, kappa in pairs if kappa is not None),
        with_self=tuple(r.agreement_with_self for r in readers if r.agreement_with_self is not None),
    )


def _with_self(tables: Tables, reader: str) -> KappaResult | None:
    own = {(r.image, r.repeat): r.answer for r in tables.readings if r.reader == reader}
    pairs = [
        (own[image, 0], answer)
        for (image, repeat), answer in own.items()
        if repeat == 1 and (image, 0) in own
    ]
    kappa = cohen(pairs)
    return None if kappa is None else _kappa((reader,), kappa)


def _kappa(readers: tuple[str, ...], kappa: Kappa) -> KappaResult:
    return KappaResult(readers=readers, **vars(kappa))


def _times(tables: Tables, readings: Iterable[Reading]) -> Times | None:
    timed = [(r.seconds, _is_right(tables, r)) for r in readings if r.seconds is not None]
    if not timed:
        return None
    seconds = np.array([s for s, _ in timed])
    right = np.array([correct for _, correct in timed])
    quarter, median, three_quarters = (float(value) for value in np.quantile(seconds, (0.25, 0.5, 0.75)))
    return Times(
        median=median,
        quarter=quarter,
        three_quarters=three_quarters,
        median_right=float(np.median(seconds[right])) if right.any() else None,
        median_wrong=float(np.median(seconds[~right])) if not right.all() else None,
        total=float(seconds.sum()),
    )


def _cues(tables: Tables, readings: Iterable[Reading]) -> tuple[Cue, ...]:
    """Most often ticked first, and of equal ones that which pointed to synthetic images more often."""
    found: dict[str, list[Reading]] = defaultdict(list)
    for reading in readings:
        for cue in reading.cues:
            found[cue].append(reading)
    cues = [
        Cue(
            name=name,
            ticked=len(ticked),
            synthetic=sum(
                _is_right(tables, r) if tables.kind == "pairs" else tables.key[r.image].truth == tables.signal
                for r in ticked
            ),
            images=tuple(image for image, _ in Counter(r.image for r in ticked).most_common()),
        )
        for name, ticked in found.items()
    ]
    return tuple(sorted(cues, key=lambda cue: (-cue.ticked, -cue.synthetic, cue.name)))


def _classes(tables: Tables, readings: Sequence[Reading]) -> tuple[ClassAnswers, ...]:
    found = []
    for truth in sorted(WORDS["single"]):
        asked = [
            (reading.class_answer, tables.key[reading.image].class_name)
            for reading in readings
            if tables.key[reading.image].truth == truth and reading.class_answer
        ]
        asked = [(answer, name) for answer, name in asked if name]
        if asked:
            right, n = sum(answer == name for answer, name in asked), len(asked)
            low, high = wilson(right / n, n)
            found.append(ClassAnswers(truth=truth, right=right, n=n, share=right / n, low=low, high=high))
    return tuple(found)
