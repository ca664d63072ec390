"""Safe reading of official StyleGAN2-ADA and StyleGAN3 snapshots."""
