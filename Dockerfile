# The router, or with `vrrp` its sidecar. Built from a clone; what is in the image is what npm would publish and the packages of the lock.
FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --include=dev --no-audit --no-fund
COPY . .
RUN npm run build \
 && node setup/bundle.js \
 && npm pack --ignore-scripts --silent \
 && mkdir /mekare \
 && tar -xzf mekare-*.tgz -C /mekare --strip-components=1 \
 && npm prune --omit=dev --no-audit --no-fund \
 && find node_modules -type d -empty -delete \
 && mv node_modules /mekare/

FROM node:24-bookworm-slim
COPY --from=build /mekare /usr/lib/mekare
RUN useradd --system --uid 900 --no-create-home --shell /usr/sbin/nologin mekare \
 && install -d -o mekare -g mekare /run/mekare /var/lib/mekare \
 && install -d /etc/mekare \
 && chmod 0755 /usr/lib/mekare/dist/package/program/mekare.js \
 && ln -s /usr/lib/mekare/dist/package/program/mekare.js /usr/local/bin/mekare
USER mekare
VOLUME ["/run/mekare", "/var/lib/mekare"]
EXPOSE 5000 5001 7000
HEALTHCHECK --interval=15s --timeout=5s --start-period=10s \
  CMD ["mekare", "status", "--json"]
ENTRYPOINT ["mekare"]
CMD ["run", "--config", "/etc/mekare/mekare.yaml"]
