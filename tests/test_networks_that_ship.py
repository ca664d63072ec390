"""Networks that come with gist: what is said of each, and that nobody's discriminator is among them."""

import json
import re

import pytest
import safetensors
from typer.testing import CliRunner

import gist
from gist.cli.app import app
from gist.generators.start import SHIPPED_FOLDER, load_start
from gist.stages.networks import SHIPPED

MOST_MEBIBYTES = 16


def test_each_says_what_it_learned_from_and_how_good_it_is() -> None:
    for network in gist.networks():
        assert network.images > 1000
        assert network.data
        assert network.licence
        assert network.held_out >= 100
        assert {name.split("[")[0] for name in network.scores} >= {"KID", "precision", "recall"}
        assert network.copies
        assert network.script.startswith(f"python scripts/make_network.py {network.name} ")
        assert network.class_names
    assert [network.name for network in gist.networks()] == list(SHIPPED)


def test_together_they_are_small() -> None:
    assert sum(network.mebibytes for network in gist.networks()) < MOST_MEBIBYTES


def test_only_what_was_learned_from_phantoms_has_a_discriminator() -> None:
    of_people = {network.name for network in gist.networks() if "phantom" not in network.data}
    assert of_people
    for name in of_people:
        assert load_start(name).companion is None
        with safetensors.safe_open(SHIPPED_FOLDER / f"{name}.safetensors", framework="pt") as file:
            assert not [key for key in file.keys() if key.startswith(("D", "discriminator"))]  # noqa: SIM118
    shipped = {file.name.split(".")[0] for file in SHIPPED_FOLDER.glob("*.discriminator.safetensors")}
    assert not shipped & of_people


@pytest.mark.parametrize("name", SHIPPED)
def test_each_draws_by_name_and_a_training_starts_from_it(name: str) -> None:
    G = gist.load_generator(name)
    assert gist.draw(G, G.class_names[0], 2).shape == (2, G.img_resolution, G.img_resolution)
    assert load_start(name).class_names == tuple(G.class_names)


def test_the_list_names_data_licence_scores_and_copies() -> None:
    shown = CliRunner().invoke(app, ["networks"])
    assert shown.exit_code == 0, shown.output
    for network in gist.networks():
        assert network.name in shown.output
        assert network.licence in shown.output
        assert network.copies in shown.output
    assert re.search(r"10\.17632/56rmx5bjcr", shown.output)
    told = json.loads(CliRunner().invoke(app, ["networks", "--json"]).output)
    assert [entry["name"] for entry in told] == list(SHIPPED)
