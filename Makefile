# make demo: see it work. make test: prove it works. Both need Python 3.11+ and nothing else.

RECENT := 'import sys; sys.exit(sys.version_info < (3, 11))'
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
  $$p -c $(RECENT) 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
PACKAGES := agent graphs tools memory evals
BENCHMARKS := datasets tasks training_speed startup kills checkpoint_kills storage_faults \
  broken_controllers injections hostile_artefacts local_calls loop_overhead concurrent_sessions \
  hostile_rdf graph_scale rule_checks warm_start second_run knowledge_fusion personal_data \
  out_of_scope guard_cost planted

.PHONY: demo install test check format bench clean

demo: $(VENV)/.installed
	$(BIN)/tuneos demo

install: $(VENV)/.installed

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -q

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(addprefix -p tuneos.,$(PACKAGES))
	$(BIN)/mypy tests

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.installed-dev  # every figure of the README; some hours
	@for name in $(BENCHMARKS); do $(BIN)/python -m tuneos.evals.benchmarks.$$name; done

$(VENV)/.installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" && $(PYTHON) -c $(RECENT) || \
	  { echo "TuneOS needs Python 3.11 or newer. Name one: make PYTHON=/path/to/python"; exit 1; }
	@echo "Installing into $(VENV): about 1 GB, some minutes …"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) .tuneos build *.egg-info
