"""`python -m gist`."""

from gist.cli import main

main()
