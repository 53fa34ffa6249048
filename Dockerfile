# The service as a container. Railway and other platforms build it as it is; by hand:
#   docker build -t monitoring . && docker run --env-file .env -p 3000:3000 -v monitoring-data:/data monitoring
# The Python version is that of .python-version, with which the tests run.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS build
RUN python3 -m venv /opt/service
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY app ./app
RUN /opt/service/bin/pip install --no-cache-dir -c constraints.txt .

FROM ${BASE_IMAGE}
# The reports that wait for the database are in /data: mount a volume there. No VOLUME instruction, because Railway
# refuses a Dockerfile that has one.
RUN useradd --uid 10001 --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin service \
  && install --directory --owner=service --group=service /data
COPY --from=build /opt/service /opt/service
ENV SPOOL_PATH=/data/spool.sqlite3
EXPOSE 3000
# By number, so that Kubernetes can see that it is not root.
USER 10001:10001
WORKDIR /
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 CMD ["/opt/service/bin/python", "-c", "import http.client, os, sys; connection = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('PORT') or 3000), timeout=4); connection.request('GET', '/health'); sys.exit(connection.getresponse().status != 200)"]
# The exec form: SIGTERM reaches Python, which answers the open requests and exits with 0.
CMD ["/opt/service/bin/python", "-m", "app"]
