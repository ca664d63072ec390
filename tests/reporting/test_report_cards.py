"""Model card and data card say what the run knows, and leave open what only its owners know."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import yaml
from page_reader import PageReader
from run_builder import RunBuilder

from gist.progress import Silent
from gist.reporting.stage import write_report

Builder = Callable[..., RunBuilder]


def _card(builder: RunBuilder, name: str, **report: object) -> str:
    write_report(builder.config(**report), builder.run, Silent())
    return (builder.run.path / "report" / name).read_text(encoding="utf-8")


def _front_matter(card: str) -> dict[str, object]:
    _, front, _ = card.split("---\n", 2)
    loaded = yaml.safe_load(front)
    assert isinstance(loaded, dict)
    return loaded


def test_the_model_card_gives_training_data_and_every_score_with_its_n(finished: RunBuilder) -> None:
    card = _card(finished, "model_card.md")
    assert "20 real radiographs to learn from and 10 held out" in card
    assert "27 patients" in card
    assert "60,000 images shown (repeats counted) in 2 h 3 min" in card
    assert "StyleGAN3-T" in card
    assert "Started from scratch." in card
    assert "cd" * 32 in card
    rows = [
        line for line in card.splitlines() if line.startswith("| Difference from real images, KID[radiomics]")
    ]
    assert len(rows) == 3
    assert "| all | 0.0422 | 0.0381 to 0.0466 | 0.0007 | 1,234 / 1,234 | Fair |" in rows[0]
    assert sum("Cannot tell" in line for line in card.splitlines()) == 3
    for heading in ("Intended use", "Out-of-scope use", "Training data", "Evaluation", "Privacy", "Limits"):
        assert f"\n## {heading}\n" in card


def test_the_data_card_gives_classes_seeds_and_network(finished: RunBuilder) -> None:
    card = _card(finished, "data_card.md")
    assert "30 grey PNG pictures of 64 × 64 pixels" in card
    assert "| KL 0-1 | 15 |" in card
    assert "Seeds 100 to 129" in card
    assert "No picture was left out or chosen by eye" in card
    for heading in (
        "Dataset description",
        "Composition",
        "Source data",
        "Personal and sensitive information",
    ):
        assert f"\n## {heading}\n" in card


def test_a_filter_is_told_on_card_and_page(builder: Builder) -> None:
    made = builder()
    made.done_prepare()
    made.done_train()
    made.done_generate(
        reject_level=0.05, rejected={"blur": 7, "unusual place": 2}, last_seed=138, images_per_second=None
    )
    card = _card(made, "data_card.md")
    assert "Seeds 100 to 138" in card
    assert "level 0.05 dropped 9 pictures (blur: 7, unusual place: 2)" in card
    page = PageReader((made.run.path / "report/report.html").read_text(encoding="utf-8"))
    assert page.by_id("rejected") == ("9", "9")
    assert "seeds 100 to 138" in page.text
    assert "images per second" not in page.text


def test_a_filter_of_near_copies_is_told_on_card_and_page(builder: Builder) -> None:
    made = builder()
    made.done_prepare()
    made.done_train()
    made.done_generate(min_novelty=0.01, near_copies=12, last_seed=141)
    card = _card(made, "data_card.md")
    assert (
        "dropped 12 pictures that lay nearer to a training image than all but 1 % of hold-out images do"
        in card
    )
    assert "No picture was left out" not in card
    page = PageReader((made.run.path / "report/report.html").read_text(encoding="utf-8"))
    assert page.by_id("near-copies") == ("12", "12")
    assert "a filter is not a proof" in page.text


def test_no_card_claims_privacy_or_names_a_source(finished: RunBuilder) -> None:
    for name in ("model_card.md", "data_card.md"):
        card = _card(finished, name)
        assert "Meier" not in card
        assert "anonym" not in card.lower()
        assert (
            "A passed distance test proves nothing" in card or "a passed distance test proves nothing" in card
        )
        assert "How often these checks would find a true copy was not measured" in card
        assert "{{" not in card


def test_results_of_an_earlier_state_are_marked_on_cards_and_in_the_summary_for_machines(
    finished: RunBuilder,
) -> None:
    folder = finished.run.path / "report"
    names = ("model_card.md", "data_card.md", "report.json", "report.html")
    finished.page()
    for name in names:
        assert "was done again" not in (folder / name).read_text(encoding="utf-8")
    finished.images = finished.images[::-1]
    finished.done_generate()
    finished.page()
    warning = "The stage “evaluate” was finished before “generate” was done again"
    for name in names:
        assert warning in (folder / name).read_text(encoding="utf-8")
    for name in names[:2]:
        card = (folder / name).read_text(encoding="utf-8")
        assert f"**Out of date.** {warning}" in card[: card.index("\n## ")]


@pytest.mark.parametrize("name", ["model_card.md", "data_card.md"])
def test_the_licence_is_the_users_to_state(finished: RunBuilder, name: str) -> None:
    assert _front_matter(_card(finished, name))["license"] is None
    stated = _card(finished, name, licence='CC BY-NC 4.0: "with care"')
    assert _front_matter(stated)["license"] == 'CC BY-NC 4.0: "with care"'
    assert stated.rstrip().find('CC BY-NC 4.0: "with care"', stated.index("## Licence")) > 0


def test_cards_exist_for_what_exists_and_the_page_links_to_them(builder: Builder) -> None:
    made = builder(class_names=("a|b", "c"))
    made.done_prepare()
    folder = made.run.path / "report"
    made.page()
    assert not list(folder.glob("*.md"))
    made.done_train()
    page = made.page()
    assert [file.name for file in folder.glob("*.md")] == ["model_card.md"]
    assert 'href="model_card.md"' in page
    assert 'href="data_card.md"' not in page
    assert "| a\\|b | 10 | 5 |" in (folder / "model_card.md").read_text(encoding="utf-8")
    made.done_generate()
    assert 'href="data_card.md"' in made.page()
