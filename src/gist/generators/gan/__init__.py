"""What generative adversarial networks of mapping, synthesis and discriminator share."""
