"""What the gateway keeps: scenarios, runs with their news, results, keys, and the events to be sent."""
