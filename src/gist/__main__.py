"""`python -m gist`."""

from gist.cli.main import main

try:
    main()
finally:
    # Where Ctrl-C came while Python executed text, as dataclasses do, Python remembers it as unhandled and ends
    # `python -m` by the signal whatever status is asked for; executing any text makes it forget.
    exec("")
