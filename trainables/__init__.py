"""What one trial does: data, imbalance, balancing, classifier, metrics, record."""

if __name__ != "gan_study.trainables":
    raise ImportError(
        f"{__name__!r} is a part of gan_study and has no name of its own: import gan_study.trainables"
    )
