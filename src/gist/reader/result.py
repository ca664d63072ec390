"""What came of a reader test, as `score.json` and `--json` keep it."""

from __future__ import annotations

from gist.reader.tables import Kind
from gist.stages.promise import Result


class Equivalence(Result):
    """Two one-sided tests at 5 % that the share of right answers lies within chance ± margin."""

    margin: float
    set_beforehand: bool
    """Whether the study file holds the margin, which was written before the first answer."""
    p_value: float
    low: float
    high: float
    """90 % interval of the accuracy; the two tests succeed where it lies within chance ± margin."""
    shown: bool


class Times(Result):
    """Seconds per reading."""

    median: float
    quarter: float
    three_quarters: float
    median_right: float | None
    median_wrong: float | None
    total: float


class KappaResult(Result):
    """Agreement beyond chance with its 95 % interval; no value where all answers are the same."""

    readers: tuple[str, ...]
    value: float | None
    low: float | None
    high: float | None
    images: int
    agreement: float
    """Share of pairs of answers that are the same."""


class Performance(Result):
    """Counts, and what follows from them. Signal: a synthetic image; in pairs, a real image on the right."""

    counts: dict[str, int]
    """`right` of `readings`; `signal called signal` and so on in the words of the test."""
    accuracy: float
    p_value: float
    """Two-sided, against chance: exact binomial of one reader, Obuchowski-Rockette of several."""
    sensitivity: float | None
    """Signals called so."""
    specificity: float | None
    """The others called so."""
    precision: float | None
    """Of the images called signal, those that are."""
    d_prime: float | None
    criterion: float | None
    """Both with a half added to each count and one to each total; of several readers their mean."""
    auc: float | None
    """From answers with confidence, a scale from surely real to surely synthetic."""
    intervals: dict[str, tuple[float, float]]
    """95 %, by the names above."""
    equivalence: Equivalence


class ReaderScore(Performance):
    """One reader, whose images alone are random: nothing is said of other readers."""

    reader: str
    answered: int
    of: int
    agreement_with_self: KappaResult | None
    """From images read twice."""
    seconds: Times | None


class RandomEffects(Result):
    """A mean over readers and images that are both samples (Obuchowski-Rockette)."""

    value: float
    low: float
    high: float
    p_value: float
    error: float
    df: float
    """Of Hillis, as other programs print them; the interval is wider than they say."""
    between_readers: float
    """Standard deviation between readers beyond what their images explain."""
    readers_mean_square: float
    cov2: float
    variance: float
    readers: int
    images: int
    """That all these readers answered."""


class SeveralReaders(Result):
    """What holds for other readers and other images of their kind."""

    accuracy: RandomEffects
    auc: RandomEffects | None


class Kappas(Result):
    """Agreement on the answers, first readings."""

    fleiss: KappaResult | None
    cohen: tuple[KappaResult, ...]
    """Of each two readers, on the images that both answered."""
    with_self: tuple[KappaResult, ...]
    """Of each reader who read images twice."""


class Cue(Result):
    """Something that readers ticked."""

    name: str
    ticked: int
    """Readings, first ones."""
    synthetic: int
    """Of them on synthetic images; in pairs, readings that found the synthetic one."""
    images: tuple[str, ...]
    """Most often ticked first."""


class ClassAnswers(Result):
    """Whether the class that was asked for is seen as well on synthetic images as on real ones."""

    truth: str
    right: int
    n: int
    share: float
    low: float
    high: float


class Score(Performance):
    """A reader test scored. What stands at its top is of all readers together."""

    format: int = 1
    kind: Kind
    images: int
    readers: tuple[ReaderScore, ...]
    pooled: Performance
    """All first readings as if each were of a reader of its own: counts to add up, intervals too narrow for several."""
    several_readers: SeveralReaders | None
    kappas: Kappas
    cues: tuple[Cue, ...]
    classes: tuple[ClassAnswers, ...]
    seconds: Times | None
    notes: tuple[str, ...]
    """What was left out, and what limits the numbers."""
    sentence: str
    """The finding in words."""
