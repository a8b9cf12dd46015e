"""Pure server-model logic: arrays in, arrays out; no clock, no I/O."""
