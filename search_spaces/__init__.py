"""What may vary in a study."""

if __name__ != "gan_study.search_spaces":
    raise ImportError(f"{__name__!r} is a part of gan_study: import gan_study.search_spaces")
