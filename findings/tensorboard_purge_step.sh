#!/usr/bin/env bash
# Expected: after a crash a SummaryWriter(purge_step=6) makes TensorBoard forget what was logged from step 6 on, as its
# documentation says, whichever part of TensorBoard reads the files.
# Found: three readers, three answers. EventAccumulator, on which tests are usually built, forgets. The Python server
# (--load_fast=false) forgets nothing and shows both histories of a tag, one after the other. The default server with its
# compiled reader does not know the purge step: a tag loses the old points from its next new step on, so those in between
# stay, and a tag that is not logged again keeps all of them.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check tensorboard==2.21.0 tensorboard-data-server==0.7.2 \
  tensorboardX==2.6.4 "setuptools<81" 2>/dev/null
cat >"$work/readers.py" <<'PYTHON'
import json, re, subprocess, sys, time
from importlib.metadata import version
from urllib.error import HTTPError
from urllib.request import urlopen

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboardX import SummaryWriter

folder = sys.argv[1]
with SummaryWriter(folder, filename_suffix=".1") as before:
    for step in range(1, 11):
        before.add_scalar("loss", 0.0, step)
    for step in (5, 10):
        before.add_scalar("score", 0.0, step)
time.sleep(1.1)  # files are read in the order of their names, which hold the second
with SummaryWriter(folder, purge_step=6, filename_suffix=".2") as after:
    for step in (8, 9):
        after.add_scalar("loss", 1.0, step)


def shown(*options):
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", folder, "--port", "0", *options]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    address = next(found[0] for line in server.stderr if (found := re.search(r"http://\S+/", line)))

    def steps(tag):
        with urlopen(f"{address}data/plugin/scalars/scalars?run=.&tag={tag}") as answer:
            return [(step, value) for _, step, value in json.load(answer)]

    try:
        while True:
            try:
                if (9, 1.0) in (loss := steps("loss")):  # the last event of the second file
                    return [step for step, _ in loss], [step for step, _ in steps("score")]
            except HTTPError:
                pass  # nothing read yet
            time.sleep(0.1)
    finally:
        server.terminate()


accumulator = EventAccumulator(folder)
accumulator.Reload()
seen = {
    "EventAccumulator": tuple([event.step for event in accumulator.Scalars(tag)] for tag in ("loss", "score")),
    "Python server": shown("--load_fast=false"),
    "default server": shown(),
}
print(f"tensorboard {version('tensorboard')}, data server {version('tensorboard-data-server')}: purge step 6, then 8 and 9")
for reader, (loss, score) in seen.items():
    print(f"  {reader}: loss {loss}, score {score}")
expected = {
    "EventAccumulator": ([1, 2, 3, 4, 5, 8, 9], [5]),
    "Python server": ([*range(1, 11), 8, 9], [5, 10]),
    "default server": ([1, 2, 3, 4, 5, 6, 7, 8, 9], [5, 10]),
}
sys.exit("The behaviour has changed." if seen != expected else 0)
PYTHON
timeout 300 "$work/venv/bin/python" -W ignore "$work/readers.py" "$work/events" 2>"$work/errors" || { tail -3 "$work/errors"; exit 1; }
echo "Only EventAccumulator heeds the purge step; write the events anew instead."
