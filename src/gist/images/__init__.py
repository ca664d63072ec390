"""Pictures: the StyleGAN archive, PNG, contact sheets. Nobody else knows channels and bits."""
