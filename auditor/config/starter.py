"""What `podfit config init` writes: a configuration that says nothing yet, and how it could."""

from __future__ import annotations

from typing import Final

STARTER: Final = """\
# Configuration of podfit. Everything that is commented out is an example, not a default;
# `podfit config show` says what counts. Every key: docs/configuration.md.
#
# For completion in editors, `podfit config schema > .podfit.schema.json` and begin the file with
#     # yaml-language-server: $schema=.podfit.schema.json
version: 1

# The nodes to audit against: a built-in profile (`podfit clusters`), a file (what `kubectl get
# nodes -o yaml` prints will do), or pools. Several may be given.
cluster: hybrid
# cluster: [clusters/production.yaml, clusters/edge.yaml]
# cluster:
#   name: production
#   pools:
#     - {name: linux, platform: linux/amd64}
#     - {name: windows, platform: windows(10.0.20348)/amd64, taints: ["os=windows:NoSchedule"]}

# The least severity that gives exit code 1: error, warning, info or never.
fail-on: error

# An unresolved image or an undecided placement gives exit code 3.
strict: false

# The pedantic rules too (`podfit rules`).
pedantic: false

# Rules: off, on, or another severity.
# rules:
#   deprecated-os-label: off
#   image-unresolved: error

# Findings that are silenced. Comments in the manifest itself say it nearer to the place:
# `# podfit: ignore[missing-os-selector] the Windows pool is tainted`.
# ignore:
#   - rules: [missing-os-selector]
#     match: {kind: DaemonSet, name: "node-exporter*", path: "charts/monitoring/**"}
#     reason: the Windows pool is tainted, see OPS-123
#     expires: 2099-12-31

# What is passed over, as globs from the root of the repository.
# exclude: ["**/testdata/**"]

# Charts: other ways to render them, and how much is made of those of third parties.
# charts:
#   - path: charts/shop
#     variants:
#       - name: production
#         values: [charts/shop/values-production.yaml]
#       - name: windows
#         set: {iis.enabled: true}
#   - path: vendor/**
#     severity: warning

# Platforms of images that nobody can reach.
# images:
#   overrides:
#     "registry.corp/report:*": [linux/amd64]

# Registries. Heeded only with --trust-config, or in a configuration named by --config that lies
# outside of the repository (docs/security.md).
# registries:
#   docker.io:
#     mirrors: [harbor.corp/dockerhub]
#   registry.corp:5000:
#     insecure: http
#   harbor.corp:
#     ca: certificates/corp.pem

# Kinds of your own that make pods (docs/custom-resources.md).
# custom-resources:
#   - group: example.com
#     kinds: [Crawler]
#     pods: [spec.template]

# Files that are not in their usual place.
# lock-file: podfit.lock.json
# baseline: .podfit-baseline.json
"""
