# The commands of a developer's day; `make help` lists them.
#
# Everything is installed into .venv and .tools and nothing outside of the checkout is touched.
# pip is upgraded first because dependency groups (`pip install --group`) need pip 25.1.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
DEVELOP := .venv/.installed-for-development
SOURCES := auditor bench scripts tests
CORE := auditor/admission.py,auditor/compatibility.py,auditor/kubelet.py,auditor/placement.py,auditor/predicates.py,auditor/tolerations.py,auditor/validation.py,auditor/windows.py

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test lint fix docs package bench tools clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## audit the example chart and manifests, offline, with their lock file
	@$(BIN)/podfit audit examples --cluster hybrid-arm64 --locked; code=$$?; \
	case $$code in \
	0) echo "podfit exited with 0: nothing in examples/ can land where it cannot run." ;; \
	1) echo "podfit exited with 1: it found errors, which is what examples/ is made to show." ;; \
	*) echo "podfit exited with $$code: the audit itself went wrong." >&2; exit $$code ;; \
	esac

test: $(DEVELOP) ## run every test; placement and compatibility must be covered branch by branch
	@$(BIN)/python scripts/fetch_tools.py docker-registry skopeo
	$(BIN)/python -m pytest -n auto --cov --cov-report=
	$(BIN)/python -m coverage report
	$(BIN)/python -m coverage report --include=$(CORE) --fail-under=100

lint: $(DEVELOP) ## check style, types, layers, and that generated documents are up to date
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports
	$(BIN)/zizmor --offline --persona=pedantic --no-progress --quiet action.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-actions action.yml
	$(BIN)/python scripts/write_docs.py --check

fix: $(DEVELOP) ## repair what can be repaired automatically
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

docs: $(DEVELOP) ## write the generated parts of the documents anew
	$(BIN)/python scripts/write_docs.py

package: $(DEVELOP) ## build the source distribution and the wheel into dist/
	rm -rf dist
	$(BIN)/python -m build

bench: $(DEVELOP) ## measure: the start of podfit, and how fast it resolves images
	$(BIN)/python bench/startup.py
	@$(BIN)/python scripts/fetch_tools.py skopeo crane
	$(BIN)/python -m bench.resolve --write

tools: $(DEVELOP) ## fetch the real programs that tests use: docker-registry, helm, kustomize, skopeo
	$(BIN)/python scripts/fetch_tools.py docker-registry helm kustomize skopeo

clean: ## remove everything that these commands made
	rm -rf .venv .tools dist build .coverage .coverage.* .hypothesis
	rm -rf .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	$(PYTHON) -m venv .venv

$(INSTALLED): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[helm]'
	@touch $@

$(DEVELOP): pyproject.toml $(INSTALLED)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --group test --group lint
	@touch $@
