# One image for everything: `tailrace up`, `tailrace broker`, `tailrace analytics`, `tailrace agent`.
# Built from a clone: docker build -t tailrace .

FROM node:24-bookworm AS build
WORKDIR /source
# The set-up compiles one native module where its prebuilt binary cannot be fetched.
COPY package.json package-lock.json ./
COPY scripts/setup.mjs scripts/setup.mjs
RUN npm ci --no-fund --no-audit
COPY . .
RUN npm run build && npm pack ./dist --pack-destination /tmp

FROM node:24-bookworm AS install
COPY --from=build /tmp/tailrace-*.tgz /tmp/
RUN npm install --global --allow-scripts=zstd-napi --no-fund --no-audit /tmp/tailrace-*.tgz

FROM node:24-bookworm-slim
LABEL org.opencontainers.image.title="Tailrace" \
      org.opencontainers.image.description="Log lines in, live exact statistics out" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=install /usr/local/lib/node_modules/tailrace /usr/local/lib/node_modules/tailrace
RUN ln -s ../lib/node_modules/tailrace/cli/tailrace.js /usr/local/bin/tailrace \
 && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin tailrace \
 && install -d -o tailrace -g tailrace -m 0750 /data
USER tailrace
WORKDIR /data
VOLUME /data
ENV TAILRACE_DATA=/data
# Kafka and HTTPS for others; loopback ports stay inside.
EXPOSE 9192 9193 9194 8443
STOPSIGNAL SIGTERM
HEALTHCHECK CMD ["tailrace", "status"]
ENTRYPOINT ["tailrace"]
CMD ["up"]
