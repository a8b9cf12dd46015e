"""What the generator's tests share."""
