"""How the parts of the stages become one page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from markupsafe import Markup
from run_builder import RunBuilder

from gist.pages.section import Caveat, Citation, Section, StagePage
from gist.reporting.parts import DEFAULT_CAVEAT, asked, caveat, citations, in_order

Builder = Callable[..., RunBuilder]


def page(*sections: tuple[str, str | None]) -> StagePage:
    return StagePage(sections=tuple(Section(name, name, Markup(), after) for name, after in sections))


@pytest.mark.parametrize(
    ("pages", "order"),
    [
        ([page(("a", None)), page(("b", None)), page(("c", "a"))], "acb"),
        ([page(("a", "c")), page(("b", None)), page(("c", None))], "bca"),
        ([page(("a", None)), page(("b", "a"), ("c", "a")), page(("d", "b"))], "abdc"),
        ([page(("a", "of no stage")), page(("b", None))], "ab"),
    ],
)
def test_sections_follow_the_stages_or_stand_behind_the_one_they_name(
    pages: list[StagePage], order: str
) -> None:
    assert "".join(section.id for section in in_order(pages)) == order


def test_the_heaviest_caveat_is_shown_and_the_earlier_of_equal_ones() -> None:
    said = {
        "one": StagePage(caveats=(Caveat(20, "flattered"), Caveat(60, "poor"))),
        "two": StagePage(caveats=(Caveat(60, "poor too"), Caveat(40, "cannot tell"))),
    }
    assert caveat(said) == "poor"
    assert caveat({"one": StagePage()}) == DEFAULT_CAVEAT


def test_a_paper_of_two_stages_is_cited_once() -> None:
    paper, other = Citation("One.", "10.1"), Citation("Other.", "10.2")
    assert citations({"one": StagePage(citations=(paper,)), "two": StagePage(citations=(other, paper))}) == [
        paper,
        other,
    ]


@pytest.mark.parametrize(
    ("architecture", "said", "papers"),
    [
        ("stylegan3-r", "A StyleGAN3-R generator", 3),
        ("stylegan2", "A StyleGAN2 generator", 2),
        ("dcgan", "A DCGAN generator", 1),
        ("of-a-package-now-gone", "A of-a-package-now-gone generator", 0),
    ],
)
def test_the_generator_is_named_and_its_papers_cited_as_its_family_says(
    builder: Builder, architecture: str, said: str, papers: int
) -> None:
    made = builder()
    made.done_train(settings={"architecture": architecture})
    trained = asked(made.findings())["train"]
    assert trained.summary[0].startswith(said)
    assert len(trained.citations) == papers
