"""What the tests of the gateway's security share."""
