"""News: what a headline says about its subject, which items are one story, and how many there are."""
