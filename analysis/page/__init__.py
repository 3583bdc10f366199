"""The report: its page, its figures, the quiz, the paper, the check of its numbers."""
