import pytest

from gan_study.trainables.image_quality import extractor


@pytest.fixture(autouse=True, scope="module")
def few_domain_steps():
    """Contracts ask that images are measured, not how well: what measures them is trained for a moment."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(extractor, "DOMAIN_STEPS", 20)
        yield
