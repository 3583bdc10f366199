"""How the pictures of a folder are found: every entry below it, which class and part each belongs to, and why."""
