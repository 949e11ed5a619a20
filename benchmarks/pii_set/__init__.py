"""The labelled set: snippets with planted personal data and with what looks like it."""
