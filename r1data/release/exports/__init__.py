"""A release in the form that each trainer reads."""
