# docker build --tag difflab .           with --build-arg TORCH=cu128: another build of PyTorch
# docker run --name run difflab          `make repro`
# docker cp run:/difflab/report report   the same for figures/ and metrics/
FROM python:3.12-slim AS tools
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git make \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 difflab \
    && install --directory --owner difflab --group difflab /difflab
ARG TORCH=cpu
ENV TORCH=${TORCH}
WORKDIR /difflab
USER difflab

FROM tools
COPY --chown=difflab:difflab . .
RUN make install
CMD ["make", "repro"]
