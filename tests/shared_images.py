"""Images in Ray's object store whose methods do something more in the workers, for tests of what these do."""

from collections.abc import Callable
from dataclasses import fields

import ray

from gan_study.trainables.data.source import ImageSource
from gan_study.trainables.trial.trainable import SharedImages, share


def share_as(kind: type[SharedImages]) -> Callable[[ImageSource], SharedImages]:
    """Like `share`, whose images are of a `kind`; made in a function, it travels to the workers by value."""

    def make(source: ImageSource) -> SharedImages:
        images = share(source)
        return kind(**{field.name: getattr(images, field.name) for field in fields(images)})

    return make


def in_a_trial() -> bool:
    """Whether a trial asks for its images here, and not the probe that goes before trials."""
    return ray.get_runtime_context().get_actor_id() is not None


def measured_for_a_moment(few: int) -> type[SharedImages]:
    """Shared images in whose trials the networks that measure images are trained `few` steps."""

    class MeasuredForAMoment(SharedImages):
        def pool(self):
            from gan_study.trainables.image_quality import extractor

            extractor.DOMAIN_STEPS = few
            return super().pool()

    return MeasuredForAMoment
