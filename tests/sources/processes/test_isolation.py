import pytest

from auditor.sources.processes.programs import cause_of_death, isolated_environment
from auditor.sources.rendering import Cause


def test_the_environment_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HELM_PLUGINS", "KUBECONFIG", "NO_PROXY", "ALL_PROXY", "https_proxy", "KEPT"):
        monkeypatch.setenv(name, "mine")
    monkeypatch.setenv("HELM_C_LIB", "/lib/own.so")

    variables = isolated_environment()

    assert {"HELM_PLUGINS", "KUBECONFIG", "NO_PROXY", "ALL_PROXY"} & variables.keys() == set()
    assert variables["HTTPS_PROXY"] == variables["https_proxy"] == "http://127.0.0.1:9"
    assert variables["HTTP_PROXY"] == variables["http_proxy"] == "http://127.0.0.1:9"
    assert (variables["KEPT"], variables["HELM_C_LIB"]) == ("mine", "/lib/own.so")


@pytest.mark.parametrize(
    ("log", "cause"),
    [
        ("runtime: goroutine stack exceeds 1000000000-byte limit", Cause.RECURSION),
        ("fatal error: stack overflow", Cause.RECURSION),
        ("INFO x\nruntime: out of memory: cannot allocate 6002049024-byte block", Cause.MEMORY),
        ("MemoryError", Cause.MEMORY),
        ("SIGSEGV: segmentation violation", Cause.CRASH),
        ("", Cause.CRASH),
    ],
)
def test_why_a_process_died(log: str, cause: Cause) -> None:
    assert cause_of_death(log) is cause
