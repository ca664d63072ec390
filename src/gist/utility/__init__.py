"""GAN-train and GAN-test: whether a classifier can learn from synthetic images, and recognises them."""
