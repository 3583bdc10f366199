"""Tables: rows of numbers and of text, with the ids of the trials behind each."""
