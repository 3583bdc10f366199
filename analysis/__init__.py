"""The analysis of records: tables, plots, the report."""

if __name__ != "gan_study.analysis":
    raise ImportError(f"{__name__!r} is a part of gan_study: import gan_study.analysis")
