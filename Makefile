# Two ways in: `make demo` and `make test`. Both set up .venv when needed and need python3 with venv, nothing else.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
# One stamp per set of requirements: nothing is installed again while pyproject.toml and constraints.txt stay.
INSTALLED := $(VENV)/.installed

# One process for each core, each with one thread: many tests wait for processes of their own.
PYTEST_OPTIONS ?= -n auto --dist loadfile

.PHONY: demo test lint check format clean
demo: $(INSTALLED)
	"$(RUN)/gist" demo $(DEMO_OPTIONS)

test: $(INSTALLED)
	OMP_NUM_THREADS=1 "$(RUN)/python" -m pytest $(PYTEST_OPTIONS)

lint: $(INSTALLED)
	"$(RUN)/ruff" check .
	"$(RUN)/ruff" format --check .
	"$(RUN)/mypy"

check: lint test

format: $(INSTALLED)
	"$(RUN)/ruff" check --fix .
	"$(RUN)/ruff" format .

$(INSTALLED): pyproject.toml constraints.txt
	"$(PYTHON)" -c 'import sys; sys.exit("gist needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else None'
	test -x "$(RUN)/python" || "$(PYTHON)" -m venv "$(VENV)"
	@echo "Installing gist and PyTorch into $(VENV): up to 6 GB, a few minutes the first time."
	"$(RUN)/python" -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	touch "$(INSTALLED)"

clean:
	rm -rf "$(VENV)" .pytest_cache .mypy_cache .ruff_cache .hypothesis
