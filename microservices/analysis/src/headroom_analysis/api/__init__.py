"""What analysis answers over HTTP; composition roots alone import it, so an embedded run loads none of it."""
