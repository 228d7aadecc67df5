# cuda: for runs on NVIDIA GPUs. Written by `make recipes` from images.yaml.
# Base: docker.io/pytorch/pytorch:2.8.0-cuda12.8-cudnn9-runtime; the digest was not compared with the registry's, see images.yaml
# docker build --file containers/cuda.Dockerfile .
FROM docker.io/pytorch/pytorch@sha256:417bd75df6365104c283ea4c1651fb3530d9eb5a4c2fafa51943cff2a94e6385
ENV LC_ALL=C.UTF-8
ENV PYTHONNOUSERSITE=1
ENV PYTHONDONTWRITEBYTECODE=1
COPY containers/install.sh /opt/build/install.sh
COPY containers/fetch_wheels.py /opt/build/fetch_wheels.py
COPY containers/check_image.py /opt/build/check_image.py
COPY envs/cuda.lock /opt/build/python.lock
COPY containers/cuda.expect.json /opt/build/expect.json
RUN sh /opt/build/install.sh /opt/build
LABEL vlm-profiling.image="cuda"
LABEL vlm-profiling.base="docker.io/pytorch/pytorch:2.8.0-cuda12.8-cudnn9-runtime@sha256:417bd75df6365104c283ea4c1651fb3530d9eb5a4c2fafa51943cff2a94e6385"
