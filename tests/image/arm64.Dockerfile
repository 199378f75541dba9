# Builds Quire for arm64 by cross-compiling, and runs its unit tests by qemu-user. The programs lie in
# /build/bin. To be built in the checkout with -f.
ARG BASE=debian:trixie-slim
FROM $BASE

# The libraries of scripts/packages in arm64's variant, the programs in the machine's own.
RUN --mount=type=cache,id=quire-arm64-archives,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=quire-arm64-lists,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=bind,source=scripts/packages,target=/mnt/packages \
    dpkg --add-architecture arm64 \
 && apt-get update -q \
 && { echo cmake ninja-build ccache pkgconf pkgconf:arm64 gcc-aarch64-linux-gnu g++-aarch64-linux-gnu; \
      echo qemu-user redis-server openssl tesseract-ocr-eng python3-pip; \
      { /mnt/packages build | grep '^lib'; echo libcmocka-dev; } | sed 's/$/:arm64/'; } \
    | DEBIAN_FRONTEND=noninteractive xargs apt-get install -q -y --no-install-recommends

WORKDIR /src
COPY scripts/model scripts/messages.sh scripts/
RUN --mount=type=cache,id=quire-pip,target=/root/.cache/pip scripts/model /opt/quire/model
COPY . .
RUN --mount=type=cache,id=quire-arm64-ccache,target=/root/.cache/ccache \
    cmake -G Ninja -S . -B /build -DCMAKE_TOOLCHAIN_FILE=cmake/arm64.cmake \
 && ninja -C /build
ENV QUIRE_MODEL_DIR=/opt/quire/model
