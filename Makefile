# Everything runs in .venv, which these targets make themselves: Python 3.11+ and make suffice.
PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin
BACKENDS ?= jax tensorflow torch
# Where the tests marked `slow` run, once: trained optima, and programs with their own backend.
SLOW_BACKEND ?= jax
# Python compiles what it imports; pip would compile all that it installs, for half a minute.
PIP_OPTIONS := --quiet --disable-pip-version-check --no-compile
PYTEST := -m pytest -q -n auto --dist worksteal --durations=10
export TF_CPP_MIN_LOG_LEVEL ?= 2
# Images for containers often turn this off. Then each of the suite's processes compiles Keras and its
# backend anew, for ten seconds.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help vae regression calibration uci bayesian-mnist ladder test collect test-% test-slow soak oldest lint docs bench gpu clean

help:
	@echo "make vae      train the variational autoencoder of examples/mnist_vae.py (JAX)"
	@echo "make regression  regressions that differ in their head, and uncertain weights (JAX)"
	@echo "make calibration  from a fitted model to intervals and sets that hold (JAX)"
	@echo "make uci      an ensemble and dropout on two UCI data sets, 20 splits (JAX)"
	@echo "make bayesian-mnist  LeNet5 with uncertain weights on MNIST, beside the plain one (JAX)"
	@echo "make ladder   from the blog post's autoencoder upwards, one change at a time (JAX)"
	@echo "make test     run the whole suite on JAX, TensorFlow and Torch"
	@echo "make test TURN=0  a short run: JAX and TensorFlow share the rows of the tables"
	@echo "make test-slow  its slow tests alone, on one backend"
	@echo "make soak     10,000 examples per check, for hours"
	@echo "make oldest   run it on JAX with the oldest Keras and JAX that are supported"
	@echo "make lint     ruff and mypy"
	@echo "make docs     build the documentation into site/, strictly"
	@echo "make bench    print the benchmarks' ratios"
	@echo "make gpu      the table of docs/benchmarks.md for an NVIDIA GPU, in 6 minutes"

vae: $(VENV)/examples.stamp
	KERAS_BACKEND=$${KERAS_BACKEND:-jax} $(RUN)/python examples/mnist_vae.py

regression: $(VENV)/examples.stamp
	KERAS_BACKEND=$${KERAS_BACKEND:-jax} $(RUN)/python examples/regression.py

calibration: $(VENV)/examples.stamp
	KERAS_BACKEND=$${KERAS_BACKEND:-jax} $(RUN)/python examples/calibration.py

uci: $(VENV)/uci.stamp
	KERAS_BACKEND=$${KERAS_BACKEND:-jax} $(RUN)/python examples/uci.py

bayesian-mnist: $(VENV)/examples.stamp
	KERAS_BACKEND=$${KERAS_BACKEND:-jax} $(RUN)/python examples/bayesian_mnist.py

ladder: $(VENV)/examples.stamp
	KERAS_BACKEND=$${KERAS_BACKEND:-jax} $(RUN)/python examples/mnist_ladder.py

test: $(addprefix test-,$(BACKENDS)) test-slow

# Finds a module that cannot be imported, before the suite has run for half an hour.
collect: $(VENV)/dev.stamp
	KERAS_BACKEND=torch $(RUN)/python -m pytest --collect-only -qqq

test-%: $(VENV)/dev.stamp
	KERAS_BACKEND=$* $(RUN)/python $(PYTEST) -m "not slow"

test-slow: $(VENV)/dev.stamp
	KERAS_BACKEND=$(SLOW_BACKEND) $(RUN)/python $(PYTEST) -m slow \
		$$(grep --files-with-matches mark.slow tests/*.py)

soak: $(addprefix soak-,$(BACKENDS))

soak-%: $(VENV)/dev.stamp
	KERAS_BACKEND=$* $(RUN)/python -m pytest -q -n auto tests/soak.py --durations=40

# The bounds of pyproject.toml, proved: the suite has to pass on them too.
oldest: $(VENV)-oldest/dev.stamp
	KERAS_BACKEND=jax $(VENV)-oldest/bin/python $(PYTEST) -m "not slow"

lint: $(VENV)/dev.stamp
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy

docs: $(VENV)/docs.stamp
	$(RUN)/mkdocs build --strict

bench: $(VENV)/dev.stamp
	KERAS_BACKEND=jax $(RUN)/python tests/benchmarks/train_step.py --against jax --network dense
	KERAS_BACKEND=torch $(RUN)/python tests/benchmarks/train_step.py --against torch --network dense
	$(RUN)/python tests/benchmarks/variational_step.py
	$(RUN)/python tests/benchmarks/bound_step.py
	$(RUN)/python tests/benchmarks/import_time.py
	$(RUN)/python tests/benchmarks/growth.py
	for backend in jax tensorflow torch; do \
		KERAS_BACKEND=$$backend $(RUN)/python tests/benchmarks/wrapped.py || exit 1; \
	done

gpu: $(VENV)/cuda.stamp $(VENV)/examples.stamp
	KERAS_BACKEND=jax $(RUN)/python tests/benchmarks/gpu.py \
		--out gpu-results --docs docs/benchmarks.md

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/%.stamp: pyproject.toml | $(VENV)/bin/python
	$(RUN)/python -m pip install $(PIP_OPTIONS) --editable ".[$*]"
	@touch $@

$(VENV)-oldest/dev.stamp: pyproject.toml
	$(PYTHON) -m venv $(VENV)-oldest
	$(VENV)-oldest/bin/python -m pip install $(PIP_OPTIONS) \
		--editable ".[dev]" keras==3.12.0 jax==0.7.0 jaxlib==0.7.0
	@touch $@

clean:
	rm -rf $(VENV) $(VENV)-oldest .cache site build dist
