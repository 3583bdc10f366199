# A study's image, for CPUs and NVIDIA GPUs: for Docker, for Kubernetes (examples/rayjob.yaml), for Apptainer.
#
#   docker build --tag gan-study .                                     with CUDA, as PyPI has PyTorch for x86
#   docker build --build-arg TORCH_INDEX=URL --tag gan-study:cpu .     for CPUs: URL is PyTorch's own index for them
#   docker run --rm --shm-size 3g --volume studies:/mnt/studies gan-study run quickstart --out /mnt/studies/first
#
# With a GPU add `--gpus all`; the host has NVIDIA's driver and container toolkit, all else is in the image. It has not been
# built where it was written, for want of a Docker daemon; tests/test_container.py holds what can be read off it.

ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS build
ARG TORCH_INDEX=""
WORKDIR /checkout
RUN python -m venv /opt/venv
COPY constraints.txt ./
# First, so that a change of the code does not install PyTorch again.
RUN if [ -n "$TORCH_INDEX" ]; then set -- --index-url "$TORCH_INDEX"; fi; \
    /opt/venv/bin/pip install --no-cache-dir "$@" --constraint constraints.txt torch torchvision
# The whole checkout: gan_study/ holds links, in whose place a wheel has files.
COPY . .
RUN /opt/venv/bin/pip install --no-cache-dir --constraint constraints.txt '.[cluster]'

FROM python:${PYTHON}
# wget: KubeRay asks a pod by it whether Ray lives.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends wget \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 study \
    && install --directory --owner study /mnt/studies
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
# By number: Kubernetes can tell that it is not root.
USER 1000
WORKDIR /home/study
ENTRYPOINT ["gan-study"]
CMD ["--help"]
