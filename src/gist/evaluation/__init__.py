"""How good the synthetic images are, with n, interval and yardsticks beside every number."""
