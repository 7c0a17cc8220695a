"""The command line of the development cluster; what does the work is in its other modules."""

import argparse
import subprocess
import sys

from devcluster.cluster import (
    DEFAULT,
    TOP,
    Cluster,
    demomail,
    find,
    in_place,
    record,
    start,
    stop,
)
from devcluster.compiler import KUBERNETES, build
from devcluster.errors import ClusterError
from devcluster.vetting import vet


def kubectl() -> str:
    """Return the kubectl command, the project's own if it is there."""
    own = TOP / ".venv/bin/kubectl"
    return str(own) if own.exists() else "kubectl"


def say(text: str, *, bold: str = "") -> None:
    """Print a line, its beginning bold on a terminal."""
    print(f"\033[1m{bold}\033[0m{text}" if sys.stdout.isatty() else bold + text, flush=True)


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    top = argparse.ArgumentParser(
        description="The development cluster: a real API server, scheduler, controller manager and kubelet in one program, "
        "without a container engine. CLUSTER=current leaves all of it alone and uses the kubeconfig context in place.",
        epilog="Its files are in .dev/NAME; the kubeconfig of the default one is .dev/kubeconfig.",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("build", help="compile it, and the demo's mail server, into the user's cache folder")
    commands.add_parser("vet", help="gofmt and go vet over the project's Go modules")
    image = ("REF=PREFIX[,ENTRYPOINT...]", "a folder of this machine that serves as a container image")
    dns = ("NAME=ADDRESS[,ADDRESS...]", "a name that pods can resolve")
    for name, text in {
        "up": "start it and wait until it is ready",
        "down": "stop it; its objects stay",
        "status": "say whether it runs, and where (exit code 1: it does not)",
        "image": "add images while it runs",
        "dns": "add names while it runs; NAME= takes one away",
    }.items():
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument("--name", default=DEFAULT, help="which cluster (default: %(default)s)")
        if name == "up":
            sub.add_argument("--no-node", action="store_true", help="the control plane alone; needs no privileges")
            for flag, (metavar, meaning) in {"--image": image, "--dns": dns}.items():
                sub.add_argument(flag, action="append", default=[], metavar=metavar, help=f"{meaning}; repeatable")
            upstream = "a DNS server for all other names (default: there are none)"
            sub.add_argument("--dns-upstream", default="", metavar="ADDRESS:PORT", help=upstream)
        if name == "down":
            sub.add_argument("--delete", action="store_true", help="remove its data too")
        if name in {"image", "dns"}:
            metavar, meaning = image if name == "image" else dns
            sub.add_argument("values", nargs="+", metavar=metavar, help=meaning)
    return top


def main() -> int:
    """Run a subcommand."""
    arguments = parser().parse_args()
    try:
        return run(arguments)
    except ClusterError as error:
        print(error, file=sys.stderr)
        return 1


def run(arguments: argparse.Namespace) -> int:
    """Do what the command line says. Raises ClusterError."""
    match arguments.command:
        case "build":
            build()
            demomail()
        case "vet":
            vet()
        case "up" | "down" | "status" if in_place():
            return use_in_place(arguments.command)
        case "up":
            return up(arguments)
        case "down":
            ran = stop(arguments.name, delete=arguments.delete)
            say("stopped" if ran else "did not run", bold=f"{arguments.name} ")
        case "status":
            return status(find(arguments.name))
        case kind:
            record(arguments.name, kind, *arguments.values)
    return 0


def up(arguments: argparse.Namespace) -> int:
    """Start a cluster and say where it is."""
    images = {ref: value.split(",") for ref, _, value in (one.partition("=") for one in arguments.image)}
    names = {name: address for name, _, address in (one.partition("=") for one in arguments.dns)}
    already = find(arguments.name).process
    found = start(
        arguments.name,
        node=not arguments.no_node,
        images=images,
        dns=names,
        upstream=arguments.dns_upstream,
        quiet=False,
    )
    how = f"runs already (process {already})" if already else "is ready"
    say(f"{how}: export KUBECONFIG={found.kubeconfig}", bold=f"{found.name} ")
    return 0


def status(cluster: Cluster) -> int:
    """Say what is to be known of a cluster; return 1 if it does not run."""
    if not (pid := cluster.process):
        say("does not run; start it with: make cluster-up", bold=f"{cluster.name} ")
        return 1
    number = cluster.number
    say(f"runs (process {pid}), Kubernetes {KUBERNETES}", bold=f"{cluster.name} ")
    say(f"  {cluster.kubeconfig}", bold="  kubeconfig")
    say(f"         {cluster.log}", bold="  log")
    say(f"   pods 10.244.{number}.0/24, services 10.96.{number}.0/24, DNS 10.96.{number}.10", bold="  addresses")
    for title, kind in {"image": "images", "name": "dns"}.items():
        for key, value in cluster.recorded(kind).items():
            shown = " ".join([value["prefix"], *value.get("entrypoint", [])]) if kind == "images" else ", ".join(value)
            say(f"{' ' * (12 - len(title))}{key} = {shown}", bold=f"  {title}")
    ask = [kubectl(), f"--kubeconfig={cluster.kubeconfig}", "--request-timeout=5s", "get", "nodes", "-o", "wide"]
    return subprocess.run(ask, check=False).returncode


def use_in_place(command: str) -> int:
    """Say which cluster CLUSTER=current means, and ask it whether it is there; nothing is started or stopped."""
    done = subprocess.run([kubectl(), "config", "current-context"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(f"CLUSTER=current, but your kubeconfig has no current context: {done.stderr.strip()}")
    say(f"the context in place, {done.stdout.strip()}", bold="CLUSTER=current: ")
    if command == "status":
        return subprocess.run([kubectl(), "--request-timeout=5s", "get", "nodes"], check=False).returncode
    say(f"nothing to do for `{command}`")
    return 0
