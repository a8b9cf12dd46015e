"""The contracts between services: envelopes, bodies, columns and the wire form of every event."""
