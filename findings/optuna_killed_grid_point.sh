#!/usr/bin/env bash
# Expected: a grid search of Optuna in a storage that outlives its process, killed in the middle of one point, evaluates the
# rest of the grid when it is run again, that point once more too, and then has nothing left to do.
# Found: the killed trial stays RUNNING for ever, and for GridSampler its point is then never done: every later run evaluates
# it once again, and adds one more COMPLETE trial of it, however often it has been completed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check optuna==5.0.0 2>/dev/null
cat >"$work/search.py" <<'PYTHON'
import os, signal, sys

import optuna
from optuna.storages.journal import JournalFileBackend

optuna.logging.set_verbosity(optuna.logging.ERROR)
journal, killed = sys.argv[1], sys.argv[2] == "killed"
evaluated = []


def objective(trial):
    evaluated.append(trial.suggest_categorical("x", [1, 2, 3]))
    if killed and len(evaluated) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return evaluated[-1]


study = optuna.create_study(
    study_name="grid",
    storage=optuna.storages.JournalStorage(JournalFileBackend(journal)),
    sampler=optuna.samplers.GridSampler({"x": [1, 2, 3]}, seed=0),
    load_if_exists=True,
)
study.optimize(objective)
states = sorted((trial.params["x"], trial.state.name) for trial in study.trials)
print(f"optuna {optuna.__version__}: evaluated {evaluated}; {states}")
PYTHON
search() { timeout 120 "$work/venv/bin/python" -W ignore "$work/search.py" "$work/journal.log" "$1"; }
search killed 2>/dev/null || echo "killed in its second point"
for run in 1 2 3; do search whole; done | tee "$work/said"
# The first run has one point more to do; each later one should have none.
[ "$(grep -c 'evaluated \[[123]\];' "$work/said")" = 2 ] && tail -1 "$work/said" | grep -q RUNNING || { echo "The behaviour has changed."; exit 1; }
echo "Keep the truth of a trial elsewhere, and tell Optuna of it anew at every start."
