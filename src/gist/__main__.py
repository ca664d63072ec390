"""`python -m gist`."""

from gist.cli.app import main

main()
