"""Pure router logic: arrays in, arrays out; no clock, no I/O."""
