"""Small restricted pods, and the programs in them, for the tests of the development cluster itself."""

from typing import Any, Final

from support.kube import Kube, until

IMAGE: Final = "python:smoke"
RESTRICTED: Final = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
SERVE: Final = """
import http.server, os, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = os.environ["TEXT"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def log_message(self, *args):
        print("asked", self.path, flush=True)
http.server.ThreadingHTTPServer(("", 8080), Answer).serve_forever()
"""
REFUSE: Final = """
import http.server, json, ssl
class Judge(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def do_POST(self):
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        allowed = "forbidden" not in review["request"]["object"].get("data", {})
        answer = {"uid": review["request"]["uid"], "allowed": allowed, "status": {"message": "the webhook says no"}}
        body = json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": answer}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain("/pki/tls.crt", "/pki/tls.key")
server = http.server.ThreadingHTTPServer(("", 8443), Judge)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""
RESOLVE: Final = """
import socket, sys, time
began = time.monotonic()
try:
    found = sorted({one[4][0] for one in socket.getaddrinfo(sys.argv[1], 80)})
except socket.gaierror as error:
    found = error.errno == socket.EAI_NONAME and "NXDOMAIN" or str(error)
print(found, "at once" if time.monotonic() - began < 4 else "late")  # a resolver that is not answered asks again after 5 s
"""


def spec(*command: str, **more: Any) -> dict[str, Any]:
    """Return the spec of a restricted pod with one container; `more` goes into the container."""
    volumes, restart = more.pop("volumes", []), more.pop("restartPolicy", "Always")
    container = {"name": "main", "image": IMAGE, "command": list(command), "securityContext": RESTRICTED} | more
    return {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "terminationGracePeriodSeconds": 1,
        "restartPolicy": restart,
        "containers": [container],
        "volumes": volumes,
    }


def pod(name: str, *command: str, **more: Any) -> dict[str, Any]:
    """Return a pod; it is labelled with its name."""
    metadata = {"name": name, "labels": {"app": name}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec(*command, **more)}


def service(name: str, *, port: int, target: int) -> dict[str, Any]:
    """Return a service in front of the pods that are labelled with its name."""
    ports = [{"port": port, "targetPort": target}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": ports},
    }


def deployment(name: str, *, text: str) -> dict[str, Any]:
    """Return two web servers with probes that answer with a text."""
    probe = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1, "timeoutSeconds": 10}
    template = spec(
        "python3", "-c", SERVE, env=[{"name": "TEXT", "value": text}], readinessProbe=probe, livenessProbe=probe
    )
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": template},
        },
    }


def finished(kube: Kube, name: str) -> tuple[int, str]:
    """Wait until a pod's container has ended for good and return its exit code and its log."""

    def ended() -> dict[str, Any] | None:
        for status in kube.get("pod", name)["status"].get("containerStatuses", []):
            return status["state"].get("terminated") or None
        return None

    state = until(ended, seconds=20, what=lambda: f"{name} has ended\n{kube.run('describe', 'pod', name)}")
    return state["exitCode"], kube.run("logs", name)


def ran(kube: Kube, name: str, *command: str, **more: Any) -> tuple[int, str]:
    """Run a pod to its end and return its exit code and its log."""
    kube.apply(pod(name, *command, restartPolicy="Never", **more))
    return finished(kube, name)


def running(kube: Kube, name: str) -> None:
    """Wait until a pod is ready."""
    kube.run_patiently("wait", f"pod/{name}", "--for=condition=Ready", seconds=20)
