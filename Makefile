# One command each: run, test, check, bench. All they need is installed into .venv from PyPI.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TESTS ?=
ROUNDS ?= 500
SECONDS ?= 20
MINUTES ?= 60

.PHONY: run test check format bench measured loss faults fuzz soak deb package-test clean

run: $(STAMP)  ## a running server on loopback, nothing leaves the machine (or SMTPETER_CONFIG=FILE)
	@if [ -n "$$SMTPETER_CONFIG" ]; then exec $(BIN)/twistd -n --pidfile= smtpeter --config "$$SMTPETER_CONFIG"; \
	else exec $(BIN)/smtpeter sandbox --directory var; fi

test: $(STAMP)  ## everything that must pass
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile $(TESTS)

check: $(STAMP)  ## format, lint, types, import contracts, sizes, what docs/conformance.md says
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tests/sizes.py
	$(BIN)/python tests/conformance.py

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The peers are Debian's, so the Python is, too, where there is one: it is what our package runs on.
bench:  ## smtpeter beside its peers, same machine, same run: 15 minutes at most (SHORT=1: one)
	@$(MAKE) --no-print-directory VENV=var/bench-python PYTHON=$(firstword $(wildcard /usr/bin/python3) $(PYTHON)) measured

measured: $(STAMP)
ifdef SHORT
	$(BIN)/python -m bench --scale short --servers smtpeter postfix exim haraka
else
	$(BIN)/python -m bench --keep
endif

loss: $(STAMP)  ## SIGKILL at random moments under load (ROUNDS=500): whatever got its 250 must arrive, as it was
	SMTPETER_LOSS_ROUNDS=$(ROUNDS) $(BIN)/pytest -s tests/e2e/test_loss.py

faults: $(STAMP)  ## kill, fill, stop, unplug: each scenario with its promise (some ten minutes; the superuser sees all of them)
	SMTPETER_LOSS_ROUNDS=25 $(BIN)/pytest -q -p tests.kit.table -m fault tests/e2e tests/storage tests/rewrite

fuzz: $(STAMP)  ## every parser of strangers' octets under atheris, SECONDS=20 each, and whether its time is linear
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt atheris
	$(BIN)/python -m tests.fuzz.atheris_run $(SECONDS)

soak: $(STAMP)  ## mixed mail, good and hostile, for MINUTES=60: memory and files stay as they are
	SMTPETER_SOAK_MINUTES=$(MINUTES) $(BIN)/pytest -q -s -m stress tests/e2e/test_soak.py

deb:  ## the Debian package, into the directory above (docs/manual/install.md says what it needs)
	dpkg-buildpackage --unsigned-source --unsigned-changes --build=binary

package-test: $(STAMP)  ## that package's whole life in a clean Debian, and two builds compared (as root; + debootstrap lintian)
	$(BIN)/pytest -m 'stress or not stress' tests/packaging

# editable_mode=compat puts the checkout on sys.path: twistd finds plugins only in directories that are there.
$(STAMP): setup.cfg pyproject.toml constraints.txt
	@echo "Installing what smtpeter and its tests need into $(VENV) (a minute, from PyPI) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt wheel setuptools
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--editable '.[development]' --config-settings editable_mode=compat 2>$(VENV)/install.log \
		|| { cat $(VENV)/install.log >&2; exit 1; }
	touch $@

clean:
	rm -rf $(VENV) var build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
