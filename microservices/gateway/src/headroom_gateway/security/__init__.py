"""Who may do what, and how much of it: credentials, scopes, rate limits, limits of bodies."""
