"""StyleGAN2 and StyleGAN3, written from Karras et al. 2018 to 2021."""
