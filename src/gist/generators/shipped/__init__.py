"""Networks that come with gist; `gist networks` says what is known of each."""
