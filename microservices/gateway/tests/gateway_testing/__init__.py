"""What several tests of the gateway share."""
