"""Networks that come with gist, trained on phantoms."""
