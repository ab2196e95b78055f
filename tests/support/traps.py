"""A checkout of a hostile pull request: files that programs might run or obey by their name."""

from pathlib import Path
from typing import Final

MODULES: Final = (
    *("auditor", "auditor_rules", "base64", "click", "collections", "contextlib", "ctypes"),
    *("dataclasses", "encodings", "ensurepip", "enum", "functools", "helm_python", "http"),
    *("importlib", "io", "json", "logging", "os", "pathlib", "pip", "platformdirs", "queue", "re"),
    *("requests", "resource", "rich", "ruamel", "shutil", "signal", "site", "sitecustomize"),
    *("socket", "ssl", "struct", "subprocess", "tabulate", "tarfile", "tempfile", "threading"),
    *("typer", "typing", "urllib", "urllib3", "usercustomize", "venv", "yaml", "zipfile"),
)
PROGRAMS: Final = (
    *("bash", "crane", "docker", "docker-credential-desktop", "docker-credential-trap", "env"),
    *("git", "helm", "kubectl", "kubectl-kustomize", "kustomize", "pip", "pip3", "podfit"),
    *("python", "python3", "sh", "skopeo"),
)
HOOKS: Final = ("post-checkout", "post-index-change", "pre-commit", "reference-transaction")
PLUGIN: Final = """name: trap
version: 1.0.0
usage: x
description: x
command: "{command}"
downloaders: [{{command: "{command}", protocols: [oci, https]}}]
"""


def set_traps(checkout: Path, touched: Path) -> int:
    """Write traps into a checkout; each that runs leaves a file in `touched`. Returns how many."""
    touched.mkdir()
    count = 0

    def module(path: Path, name: str) -> None:
        nonlocal count
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"open({str(touched / name)!r}, 'w').close()\n", encoding="utf-8")
        count += 1

    def program(path: Path, name: str) -> None:
        nonlocal count
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n: > '{touched / name}'\nexit 0\n", encoding="utf-8")
        path.chmod(0o755)
        count += 1

    for name in MODULES:
        module(checkout / f"{name}.py", f"{name}.py")
    for name in ("auditor", "pip", "venv"):
        module(checkout / name / "__init__.py", f"{name}-package")
        module(checkout / name / "__main__.py", f"{name}-main")
    for name in PROGRAMS:
        program(checkout / "bin" / name, f"bin-{name}")
        if not (checkout / name).exists():
            program(checkout / name, name)
    for name in HOOKS:
        program(checkout / ".git" / "hooks" / name, f"hook-{name}")
    runs = checkout / "bin" / "helm"
    configuration = {
        ".env": f"PATH={checkout}/bin\nPYTHONPATH={checkout}\n",
        ".helm/plugins/trap/plugin.yaml": PLUGIN.format(command=runs),
        ".docker/config.json": '{"credsStore": "trap"}',
        "config.json": '{"credsStore": "trap"}',
        ".gitconfig": f"[core]\n  fsmonitor = {runs}\n  hooksPath = {checkout}/bin\n",
        ".kube/config": f"users: [{{name: x, user: {{exec: {{command: {runs}}}}}}}]\n",
        "kubeconfig": f"users: [{{name: x, user: {{exec: {{command: {runs}}}}}}}]\n",
        "pip.conf": "[global]\nindex-url = http://127.0.0.1:9/\n",
        "pip.ini": "[global]\nindex-url = http://127.0.0.1:9/\n",
        "pyvenv.cfg": f"home = {checkout}/bin\n",
        "setup.cfg": f"[install]\nprefix = {touched}\n",
        "python313._pth": f"{checkout}\n",
        "trap.pth": f"import os; open({str(touched / 'pth')!r}, 'w')\n",
    }
    for path, text in configuration.items():
        (checkout / path).parent.mkdir(parents=True, exist_ok=True)
        (checkout / path).write_text(text, encoding="utf-8")
    return count + len(configuration)
