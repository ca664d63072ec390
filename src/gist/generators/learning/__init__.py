"""What every learner is made from: batches, images, randomness, precision, guards."""
