# Two images from one file: `--target api`, which has no TensorFlow, and `--target worker`, which has it.
# Each is installed as `make setup` does it, every package by its pinned hash.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim-bookworm AS base
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /app

FROM base AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /venv

FROM build AS api-build
COPY requirements/api.lock requirements/
RUN python -m pip install --require-hashes -r requirements/api.lock
COPY . .
RUN python -m pip install --no-deps --no-build-isolation --editable .

FROM build AS worker-build
COPY requirements/worker.lock requirements/
RUN python -m pip install --require-hashes -r requirements/worker.lock
COPY . .
RUN python -m pip install --no-deps --no-build-isolation --editable .

# What both images are at run time: no compiler, no pip cache, a user without rights, one folder to write to.
FROM base AS service
RUN useradd --system --uid 10001 --user-group --no-log-init --home-dir /data ockham \
 && install --directory --owner=ockham --group=ockham --mode=0700 /data
ENV HOME=/data MPLCONFIGDIR=/tmp/matplotlib OCKHAM_DATA_DIR=/data OCKHAM_LOG_FORMAT=json

FROM service AS api
COPY --from=api-build /venv /venv
COPY --from=api-build /app /app
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["ockham", "api", "--host", "0.0.0.0"]

FROM service AS worker
COPY --from=worker-build /venv /venv
COPY --from=worker-build /app /app
USER 10001
VOLUME /data
HEALTHCHECK --interval=15s --timeout=10s --start-period=120s --retries=3 CMD ["python", "-m", "worker.health"]
CMD ["ockham", "worker"]
