# Commands for development; `make help` lists them.
#
# Everything is installed into .venv and .tools. Packages from PyPI have the versions and hashes of
# requirements/, which `make update` updates. `python -I` ignores PYTHON* variables and files of the
# checkout. The settings of pip (PIP_* variables, pip.conf) apply, so you can use a mirror of PyPI.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
DEVELOP := .venv/.installed-for-development
INSTALL = $(BIN)/python -I -m pip install --quiet
UV := .tools/uv/bin/uv
COMPILE = $(UV) pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url \
	--no-header --python-version 3.11
TESTS ?= tests
SOURCES := auditor bench scripts tests
SCHEMA := $(BIN)/check-jsonschema --builtin-schema
CORE := tests/scheduling

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test quick test-newest test-lowest lint fix docs site package bench oracle conformance tools update address clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## audit the example chart and manifests, offline, with their lock file
	@$(BIN)/podfit audit examples --cluster hybrid-arm64 --locked; code=$$?; \
	case $$code in \
	0) echo "podfit exited with 0: no errors found in examples/." ;; \
	1) echo "podfit exited with 1: it found the errors that examples/ is meant to show." ;; \
	*) echo "podfit exited with $$code: the audit failed." >&2; exit $$code ;; \
	esac

test: $(DEVELOP) ## run all tests; placement and compatibility need full branch coverage
	@$(BIN)/python -I scripts/fetch_tools.py docker-registry helm kustomize skopeo
	$(BIN)/python -m pytest -n auto
	$(BIN)/python -m pytest --cov -q --hypothesis-profile=quick $(CORE)

test-newest: NEWEST_OR_LOWEST = highest
test-newest: ## run the tests with the latest releases that pyproject.toml allows
test-lowest: NEWEST_OR_LOWEST = lowest-direct
test-lowest: ## run the tests with the oldest releases that pyproject.toml allows
test-newest test-lowest: $(UV)
	$(UV) venv --quiet --clear --python $(PYTHON) .tools/$@
	$(UV) pip install --quiet --python .tools/$@ --resolution $(NEWEST_OR_LOWEST) \
		--editable '.[helm]' --group test --group lint
	.tools/$@/bin/python -m pytest -n auto $(TESTS)

quick: $(DEVELOP) ## run the tests without programs and servers
	.ci/quick $(BIN)/python

lint: $(DEVELOP) ## check style, types, layers and generated documents
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports
	$(BIN)/zizmor --offline --persona=pedantic --no-progress --quiet action.yml .github
	$(SCHEMA) vendor.github-actions action.yml
	$(SCHEMA) vendor.github-workflows .github/workflows/*.yml
	$(SCHEMA) custom.github-workflows-require-timeout .github/workflows/*.yml
	$(SCHEMA) vendor.dependabot .github/dependabot.yml
	$(SCHEMA) vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(SCHEMA) vendor.github-issue-forms $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))
	@$(BIN)/python -I scripts/fetch_tools.py actionlint
	@PATH="$(CURDIR)/.tools/bin:$$PATH"; ! command -v actionlint >/dev/null || actionlint
	$(BIN)/python scripts/write_docs.py --check

fix: $(DEVELOP) ## fix style problems automatically
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

docs: $(DEVELOP) ## update the generated parts of the documents
	$(BIN)/python scripts/write_docs.py

site: $(DEVELOP) ## build the documentation site into site/; a broken link is an error
	$(BIN)/python scripts/build_site.py

package: $(DEVELOP) ## build the source distribution and the wheel into dist/
	rm -rf dist
	$(BIN)/python -m build --no-isolation

bench: $(DEVELOP) ## measure the startup time, audits (CHARTS=...), and the time to resolve images
	$(BIN)/python bench/startup.py
	$(BIN)/python -m bench.audit $(CHARTS)
	@$(BIN)/python -I scripts/fetch_tools.py skopeo crane
	$(BIN)/python -m bench.resolve --write

oracle: CASES ?= 100000
oracle: $(DEVELOP) ## compare podfit with the code of Kubernetes, containerd and CRI-O; needs Go
	$(BIN)/python -m tests.oracle --cases $(CASES)

conformance: $(DEVELOP) ## compare podfit with a Kubernetes control plane on this machine; needs Go
	$(BIN)/python -m tests.conformance

tools: $(DEVELOP) ## fetch programs for tests: docker-registry, helm, kustomize, skopeo
	$(BIN)/python -I scripts/fetch_tools.py docker-registry helm kustomize skopeo

update: $(UV) ## lock the latest releases that pyproject.toml allows, in requirements/
	$(COMPILE) pyproject.toml --extra helm --group test --group lint -o requirements/dev.txt
	$(COMPILE) pyproject.toml -c requirements/dev.txt -o requirements/run.txt
	$(COMPILE) pyproject.toml -c requirements/dev.txt --extra helm -o requirements/run-helm.txt
	$(COMPILE) --group build -c requirements/dev.txt -o requirements/build.txt
	$(COMPILE) --group update -o requirements/update.txt
	$(COMPILE) --group go -o requirements/go.txt
	sed -n 's/ *\\$$//; /^[a-z]/p' requirements/run-helm.txt > requirements/constraints.txt

address: ## write the address of the project everywhere: make address NAME=owner/repository
	@$(PYTHON) -I scripts/address.py $(NAME)

clean: ## remove everything that these commands created
	rm -rf .venv .tools dist build site .coverage .coverage.* .hypothesis
	rm -rf .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	$(PYTHON) -I -m venv .venv

$(INSTALLED): pyproject.toml requirements/run-helm.txt requirements/build.txt | $(BIN)/python
	$(INSTALL) --require-hashes -r requirements/run-helm.txt -r requirements/build.txt
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEVELOP): requirements/dev.txt $(INSTALLED)
	$(INSTALL) --require-hashes -r requirements/dev.txt
	@touch $@

$(UV): requirements/update.txt
	$(PYTHON) -I -m venv --clear .tools/uv
	.tools/uv/bin/python -I -m pip install --quiet --require-hashes -r requirements/update.txt
	@touch $@
