# cpu: for everything that needs no GPU, and for runs on a CPU. Written by `make recipes` from images.yaml.
# Base: docker.io/library/python:3.11-slim-bookworm; the digest was not compared with the registry's, see images.yaml
# docker build --file containers/cpu.Dockerfile .
FROM docker.io/library/python@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b
ENV LC_ALL=C.UTF-8
ENV PYTHONNOUSERSITE=1
ENV PYTHONDONTWRITEBYTECODE=1
ARG PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
COPY containers/install.sh /opt/build/install.sh
COPY containers/fetch_wheels.py /opt/build/fetch_wheels.py
COPY containers/check_image.py /opt/build/check_image.py
COPY envs/cpu.lock /opt/build/python.lock
COPY containers/cpu.expect.json /opt/build/expect.json
RUN sh /opt/build/install.sh /opt/build
LABEL vlm-profiling.image="cpu"
LABEL vlm-profiling.base="docker.io/library/python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b"
