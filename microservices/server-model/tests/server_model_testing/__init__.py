"""What the server-model's tests share."""
