#!/bin/sh
# Expected: what yaml.safe_dump writes, yaml.safe_load reads as the same text, with and without allow_unicode.
# What happens: with allow_unicode=True PyYAML writes U+0085 (NEXT LINE) raw into a single-quoted text, where its own
# reader takes it for a break of the line and folds it into a blank. The letter is lost without a word. U+0085 is
# what becomes of an ellipsis of Windows-1252 that was read as Latin-1, so real tables hold it. U+2028, U+2029 and all
# other control characters come back whole. ruamel.yaml reads the file as PyYAML does, so it is the writer's fault.
# Way out: allow_unicode=False where a text holds this one letter.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install -q PyYAML==6.0.3 ruamel.yaml==0.18.6
"$place/venv/bin/python" - <<'PY'
import io, sys
import ruamel.yaml
import yaml

text = "Follow-up\x85knees"
print("PyYAML", yaml.__version__, "and ruamel.yaml", ruamel.yaml.__version__, "with", ascii(text))
behaves = True
for allow in (False, True):
    written = yaml.safe_dump({"title": text}, allow_unicode=allow)
    own = yaml.safe_load(written)["title"]
    other = ruamel.yaml.YAML(typ="safe", pure=True).load(io.StringIO(written))["title"]
    print(f"allow_unicode={allow}: written {ascii(written)}, read by PyYAML {ascii(own)}, by ruamel.yaml {ascii(other)}")
    behaves = behaves and (own == text) is not allow and other == own
for sign in map(chr, [*range(1, 0x85), *range(0x86, 0xA0), 0x2028, 0x2029]):
    if yaml.safe_load(yaml.safe_dump(f"a{sign}b", allow_unicode=True)) != f"a{sign}b":
        print("also lost:", ascii(sign))
        behaves = False
print("as described" if behaves else "the behaviour has changed")
sys.exit(0 if behaves else 1)
PY
