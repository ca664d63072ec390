"""`python -m gist`."""

from gist.cli.main import main

main()
