"""What the tests of commands share: each file has its own `run`, which names its command."""

import json

import pytest


@pytest.fixture
def ask(run):
    def call(*args):
        code, out, err = run(*args, "--json")
        assert code == 0, err
        return json.loads(out)

    return call
