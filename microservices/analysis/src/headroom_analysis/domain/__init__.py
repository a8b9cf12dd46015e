"""Pure analysis logic: arrays in, arrays out; no clock, no I/O."""
