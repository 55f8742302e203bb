# Everything a person, the pre-commit hook and CI run. `make help` lists it.
SHELL := /bin/sh
.DEFAULT_GOAL := help

PY := .venv/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check
RUN_ARGS := $(if $(PORT_BASE),--port-base $(PORT_BASE)) $(if $(HOST),--host $(HOST))
DEMO_ARGS := $(if $(AUDIO),--audio "$(AUDIO)") $(if $(TEXT),--text "$(TEXT)")

.PHONY: help install install-to-run demo run test check format bench drill lock clean

help: ## list the commands
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 12

install: ## install what is missing into .venv and node_modules
	@$(MAKE) --no-print-directory --silent -j2 .venv/installed node_modules/installed
	@$(PY) -m scripts.build_dictionary

# Tests and checks take many more of npm's packages than running does, and minutes for them.
install-to-run:
	@$(MAKE) --no-print-directory --silent -j2 .venv/installed node_modules/installed-to-run
	@$(PY) -m scripts.build_dictionary

demo: install-to-run ## play one learner's practice through the stack (AUDIO=file.wav TEXT=你好 for a recording)
	@$(PY) -m demo $(DEMO_ARGS)

run: install-to-run ## start the local stack and keep it running (PORT_BASE=N moves its ports, HOST=func uses Core Tools)
	@exec $(PY) -m local run $(RUN_ARGS)

test: install ## run the whole test suite
	@$(PY) -m pytest $(TESTS)

check: install ## format, lint, types, import rules
	@$(PY) -m ruff format --check --quiet .
	@$(PY) -m ruff check --quiet .
	@$(PY) -m mypy
	@.venv/bin/lint-imports

format: install ## rewrite the code in the project's format
	@$(PY) -m ruff check --fix --quiet .
	@$(PY) -m ruff format --quiet .

bench: install ## measure speed (ONLY=name for one benchmark)
	@$(PY) -m benchmarks

drill: install ## break things on purpose and count what was lost
	@$(PY) -m tests.drills

lock: install ## compile the exact versions from the .in files
	@scripts/lock.sh

clean: ## remove everything that was installed or made
	rm -rf .venv .local node_modules

# uv does in seconds what takes pip minutes; pip goes where uv cannot, such as mirrors that only pip is told of.
.venv/installed: requirements-dev.txt
	@python=$$(scripts/find_python.sh) && echo "Installing Python packages into .venv" && "$$python" -m venv .venv
	@$(PIP) "$$(sed -n 's/^\(uv==[^ ;]*\).*/\1/p' requirements-dev.txt)"
	@$(PY) -m uv pip install --quiet --requirement requirements-dev.txt || $(PIP) --requirement requirements-dev.txt
	@touch $@

node_modules/installed-to-run: package-lock.json
	@scripts/find_node.sh
	@echo "Installing Azurite and the SignalR client into node_modules"
	@npm ci --omit=dev --no-audit --no-fund --loglevel=error
	@touch $@

node_modules/installed: package-lock.json
	@scripts/find_node.sh
	@echo "Installing Node packages into node_modules"
	@npm ci --no-audit --no-fund --loglevel=error
	@touch node_modules/installed-to-run $@
