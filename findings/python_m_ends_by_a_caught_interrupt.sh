#!/usr/bin/env bash
# Expected: a program that catches KeyboardInterrupt and calls sys.exit(130) ends with status 130, however it is started.
# Found: if the interrupt passed through text that Python executed (exec of a str, which dataclasses and namedtuple do while
# a module is imported), CPython notes it as unhandled although it was caught. A script and -c still end with 130, but
# `python -m module` kills itself with SIGINT after everything is cleaned up: a parent sees -2, and a batch script cannot tell
# a clean stop from a death. Executing any text afterwards, even an empty one, clears the note, so most programs are saved by
# whatever they import later.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
cat >ending.py <<'PY'
import sys

try:
    if sys.argv[1] == "code":
        exec(compile("raise KeyboardInterrupt", "text", "exec"))
    else:
        exec("raise KeyboardInterrupt")
except KeyboardInterrupt:
    pass
if sys.argv[1] == "text, then more":
    exec("")
sys.exit(130)
PY
cat >check.py <<'PY'
import platform, subprocess, sys

starts = {"script": ["ending.py"], "-m": ["-m", "ending"], "-c": ["-c", "import ending"]}
found = {}
for way in ("code", "text", "text, then more"):
    for start, words in starts.items():
        found[way, start] = subprocess.run([sys.executable, *words, way]).returncode
print(f"CPython {platform.python_version()}")
for (way, start), status in found.items():
    print(f"interrupt through {way:16} started as {start:6} asked for 130, ended with {status}")
expected = {key: -2 if key == ("text", "-m") else 130 for key in found}
sys.exit("this has changed" if found != expected else 0)
PY
venv/bin/python check.py
