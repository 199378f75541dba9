# Quire's image: one for every role (docs/operations.md).
#
#     docker build -t pdf-qa-chatbot:latest .
#
# Packages first, model next, code last, so that a change of the code builds only the code again.
# Needs Docker 25 or newer (BuildKit).
#
#     --build-arg BASE="$(scripts/pin-base)"   the base by the digest that its registry serves now;
#                                   the default is the newest one that the engine knows
#     --build-arg MODEL=optional    go on when the model can't be fetched; =none: don't try. Such an
#                                   image fetches it when a container first starts (docs/operations.md)

ARG BASE=debian:trixie-slim

# -- what the programs need to run ----------------------------------------------------------------
FROM $BASE AS runtime
RUN --mount=type=cache,id=quire-run-archives,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=quire-run-lists,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=bind,source=scripts/packages,target=/mnt/packages \
    --mount=type=bind,source=scripts/install-packages,target=/mnt/install-packages \
    /mnt/install-packages run image
COPY scripts/collect-files scripts/packages /opt/quire/scripts/
RUN useradd --uid 1000 --user-group --home-dir /data --no-create-home --shell /usr/sbin/nologin appuser \
 && mkdir -p /volume/data/files /volume/data/model /volume/data/redis \
 && /opt/quire/scripts/collect-files /image

# -- what they are built with ---------------------------------------------------------------------
FROM $BASE AS tools
RUN --mount=type=cache,id=quire-build-archives,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=quire-build-lists,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=bind,source=scripts/packages,target=/mnt/packages \
    --mount=type=bind,source=scripts/install-packages,target=/mnt/install-packages \
    /mnt/install-packages build

FROM tools AS model
ARG MODEL=required
COPY scripts/model scripts/messages.sh /src/scripts/
RUN --mount=type=cache,id=quire-pip,target=/root/.cache/pip \
    mkdir -p /opt/quire/model \
 && /src/scripts/model --index >/opt/quire/model.index \
 && case $MODEL in \
        required) /src/scripts/model /opt/quire/model ;; \
        optional) /src/scripts/model /opt/quire/model || echo "going on without the model" ;; \
        none) ;; \
        *) echo "MODEL is '$MODEL': required, optional or none"; exit 1 ;; \
    esac

FROM tools AS code
WORKDIR /src
COPY CMakeLists.txt ./
COPY cmake cmake
COPY common common
COPY services services
COPY client client
RUN --mount=type=cache,id=quire-ccache,target=/root/.cache/ccache \
    cmake -G Ninja -S . -B /build -DQUIRE_TESTS=OFF \
 && ninja -C /build \
 && install -D -s -t /opt/quire/bin /build/bin/quire /build/bin/quire-*[!s]   # all but quire-tables

# -- the image ------------------------------------------------------------------------------------
FROM scratch
ENV PATH=/usr/bin:/usr/sbin:/opt/quire/bin
COPY --from=runtime /image /
# Folders that a volume is mounted on take their owner from the image.
COPY --from=runtime --chown=1000:1000 /volume /
COPY --from=model /opt/quire/model /opt/quire/model
COPY --from=model /opt/quire/model.index /opt/quire/
COPY LICENSE /opt/quire/
COPY scripts/entrypoint scripts/messages.sh scripts/model scripts/supervise /opt/quire/scripts/
COPY scripts/services /opt/quire/scripts/services
COPY --from=code /opt/quire/bin /opt/quire/bin
RUN for program in /opt/quire/bin/*; do ! ldd "$program" | grep "not found" || exit 1; done

ENV QUIRE_BIN_DIR=/opt/quire/bin QUIRE_MODEL_DIR=/opt/quire/model QUIRE_DATA_DIR=/data
ARG BASE
LABEL org.opencontainers.image.base.name=$BASE
USER 1000:1000
WORKDIR /data
VOLUME /data
EXPOSE 7860
HEALTHCHECK --interval=5s --timeout=4s --retries=3 --start-period=300s --start-interval=500ms \
    CMD ["/opt/quire/scripts/entrypoint", "health"]
ENTRYPOINT ["tini", "--", "/opt/quire/scripts/entrypoint"]
CMD ["all"]
