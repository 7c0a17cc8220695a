# One image for the operator and for the fetchers. tests/chart/test_dockerfile.py runs the first stage's commands.
FROM python:3.13-slim AS build
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /src
COPY requirements/tools.lock requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/tools.lock
COPY requirements/run.lock requirements/
RUN uv venv --python python3 /opt/mailbox-operator \
    && uv pip install --python /opt/mailbox-operator --require-hashes --compile-bytecode -r requirements/run.lock
COPY requirements/dev.lock requirements/
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY operator operator
# the build back end is pinned too
RUN uv build --wheel --out-dir dist --build-constraints requirements/dev.lock --require-hashes \
    && uv pip install --python /opt/mailbox-operator --no-deps --compile-bytecode dist/*.whl

FROM python:3.13-slim
LABEL org.opencontainers.image.title="mailbox-operator" \
      org.opencontainers.image.description="Mailboxes as Kubernetes objects: declared, verified step by step, delivered without loss." \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/mailbox-operator /opt/mailbox-operator
ENV PATH=/opt/mailbox-operator/bin:$PATH PYTHONDONTWRITEBYTECODE=1
# as the chart has it; no entry in /etc/passwd is needed
USER 65532:65532
ENTRYPOINT ["mailbox-operator"]
