"""A server on loopback for the calls of the Kubernetes API that Dagster's launcher and executor make.

It executes the command of each job as a process of this machine, with the variables of its container and no others but
those that OpenBLAS needs here. It is not Kubernetes: it has no images, volumes, limits or permissions.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import yaml

from notmnist_assets.settings.model import project_home

_ROUTES = re.compile(
    r"/apis/batch/v1/namespaces/(?P<space>[\w-]+)/jobs(/(?P<job>[\w-]+))?(/status)?"
    r"|/api/v1/namespaces/[\w-]+/pods\?labelSelector=job-name%3D(?P<pods_of>[\w-]+)"
    r"|/api/v1/namespaces/[\w-]+/pods/(?P<pod>[\w-]+)"
)


@dataclass
class Job:
    """A job as it was posted, and the process of its container; None if jobs are only recorded."""

    body: dict[str, Any]
    process: "subprocess.Popen[bytes] | None"

    @property
    def container(self) -> Mapping[str, Any]:
        (container,) = self.body["spec"]["template"]["spec"]["containers"]
        assert isinstance(container, dict)
        return container

    @property
    def labels(self) -> Mapping[str, str]:
        labels = self.body["metadata"]["labels"]
        assert isinstance(labels, dict)
        return labels

    def kill(self) -> None:
        """Kill the process as a lost machine does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    @property
    def shown(self) -> dict[str, Any]:
        """The job with its status, as the API returns it."""
        code = None if self.process is None else self.process.poll()
        name = "active" if code is None else "failed" if code else "succeeded"
        return self.body | {"status": {name: 1}}


@dataclass
class KubernetesAPI:
    """The server.

    Attributes:
        folder: has the outputs of the processes.
        secrets: the content of each secret by name.
        execute: execute jobs; otherwise they are recorded and refused as invalid.
        jobs: all jobs, also deleted ones, by name.
    """

    folder: Path
    secrets: Mapping[str, Mapping[str, str]]
    execute: bool
    jobs: dict[str, Job] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def create(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        with self.lock:
            name = body["metadata"]["name"]
            if name in self.jobs:
                return 409, {"reason": "AlreadyExists"}
            job = self.jobs[name] = Job(body, None)
            if not self.execute:
                return 422, {"reason": "Invalid"}
            job.process = self._start(job.container, name)
            return 201, job.shown

    def _start(self, container: Mapping[str, Any], name: str) -> "subprocess.Popen[bytes]":
        programs = Path(sys.executable).parent
        command = [*container.get("command", ()), *container["args"]]
        variables = {name: value for name, value in os.environ.items() if name.startswith("OPENBLAS_")}
        variables |= {"PATH": f"{programs}{os.pathsep}/usr/bin:/bin", "HOME": str(self.folder)}
        for source in container.get("envFrom", ()):
            variables |= self.secrets[source["secretRef"]["name"]]
        for variable in container["env"]:
            if secret := (variable.get("valueFrom") or {}).get("secretKeyRef"):
                variables[variable["name"]] = self.secrets[secret["name"]][secret["key"]]
            else:
                variables[variable["name"]] = variable["value"]
        with (self.folder / f"{name}.log").open("wb") as log:
            program = str(programs / command[0])
            return subprocess.Popen(
                [program, *command[1:]], env=variables, cwd=project_home(), stdout=log, stderr=subprocess.STDOUT
            )

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Return status code and content of the answer to a request."""
        found = _ROUTES.fullmatch(path)
        if found is None:
            return 404, {"reason": "NotFound"}
        if method == "POST":
            return self.create(json.loads(body))
        if pods_of := found["pods_of"]:
            return 200, {"items": [{"metadata": {"name": pods_of}}] if pods_of in self.jobs else []}
        job = self.jobs.get(found["job"] or found["pod"])
        if job is None:
            return 404, {"reason": "NotFound"}
        if method == "DELETE" and job.process is not None:
            job.process.terminate()
        return 200, job.shown


@contextmanager
def kubernetes_api(
    folder: Path, *, execute: bool, secrets: Mapping[str, Mapping[str, str]] | None = None
) -> Iterator[KubernetesAPI]:
    """Serve the API, with its kubeconfig in the folder; end the processes of its jobs afterwards."""
    api = KubernetesAPI(folder, secrets or {}, execute)

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            code, content = api.answer(self.command, self.path, body)
            encoded = json.dumps(content).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        here = {"name": "here", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}, "user": {}}
        context = {"name": "here", "context": {"cluster": "here", "user": "here"}}
        config = {"clusters": [here], "users": [here], "contexts": [context], "current-context": "here"}
        (folder / "kubeconfig").write_text(yaml.safe_dump(config))
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield api
        finally:
            server.shutdown()
            for job in api.jobs.values():
                job.kill()
