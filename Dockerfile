# The product's image. Needs no BuildKit, so engines from 20.10 on can build it.
FROM rust:1-bookworm AS build
WORKDIR /src

# The dependencies first, with an empty crate: this layer stays until Cargo.toml or Cargo.lock changes.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src && echo 'fn main() {}' > src/main.rs && touch src/lib.rs \
    && cargo build --release --locked \
    && rm -r src

# COPY keeps old file times; cargo would take the empty crate for the newer one.
COPY . .
RUN touch src/main.rs src/lib.rs && cargo build --release --locked


FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates git openssh-client \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/target/release/upaas /usr/local/bin/upaas

# Runs as root: the engine's socket belongs to root and a group whose number differs from host to host, and
# whoever may use that socket is root on the host anyway. A user line would only look safer.
ENV UPAAS_DATA_DIR=/data
VOLUME /data
EXPOSE 8080
# Asks whether the process serves, not whether the engine does: an engine outage must not restart the panel.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["upaas", "healthcheck"]
ENTRYPOINT ["upaas"]
