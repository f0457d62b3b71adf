FROM rust:1.95-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends g++ ccache libclang-dev
WORKDIR /src
COPY . .
RUN cargo build --locked --release --package facteur

FROM debian:bookworm-slim
RUN useradd --system --home /var/lib/facteur --create-home facteur \
    && install -d -o facteur -g facteur /run/facteur
# What certificates of smarthosts are verified against.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/target/release/facteur /usr/local/bin/facteur
USER facteur
VOLUME /var/lib/facteur
ENTRYPOINT ["facteur"]
CMD ["--config", "/etc/facteur/facteur.toml", "serve"]
