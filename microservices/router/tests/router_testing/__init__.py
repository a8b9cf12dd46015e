"""What the router's tests share."""
