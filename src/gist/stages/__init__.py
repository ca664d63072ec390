"""What each stage promises: settings, result, needs and files. Light: neither torch nor any stage's code."""
