"""The report: its page, what is drawn for it, the quiz, the paper, the check of its numbers."""
