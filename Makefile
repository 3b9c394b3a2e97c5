# One command each: run, test, check, bench. All they need is installed into .venv from PyPI.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TESTS ?=
ROUNDS ?= 500

.PHONY: run test check format bench loss clean

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

bench: $(STAMP)  ## smtpeter beside its peers, same machine, same run: 15 minutes at most (SHORT=1: one)
ifdef SHORT
	$(BIN)/python -m bench --scale short --servers smtpeter postfix exim haraka
else
	$(BIN)/python -m bench --keep
endif

loss: $(STAMP)  ## SIGKILL at random moments under load (ROUNDS=500): whatever got its 250 must arrive, as it was
	SMTPETER_LOSS_ROUNDS=$(ROUNDS) $(BIN)/pytest -s tests/e2e/test_loss.py

deb:  ## the Debian package, into the directory above (apt install devscripts equivs; mk-build-deps -i debian/control)
	dpkg-buildpackage --unsigned-source --unsigned-changes --build=binary

# editable_mode=compat puts the checkout on sys.path: twistd finds plugins only in directories that are there.
$(STAMP): setup.cfg pyproject.toml constraints.txt
	@echo "Installing what smtpeter and its tests need into $(VENV) (a minute, from PyPI) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check wheel setuptools
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--editable '.[development]' --config-settings editable_mode=compat 2>$(VENV)/install.log \
		|| { cat $(VENV)/install.log >&2; exit 1; }
	touch $@

clean:
	rm -rf $(VENV) var build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
