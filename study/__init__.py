"""Which trials run, and where."""

if __name__ != "gan_study.study":
    raise ImportError(f"{__name__!r} is a part of gan_study: import gan_study.study")
