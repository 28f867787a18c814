"""Tests of notmnist_assets, one module for each of its modules.

No setting of the machine may reach a test: some are read when modules are imported, so they go before anything else.
"""

import os

for _name in [name for name in os.environ if name.startswith(("NOTMNIST_", "DAGSTER_HOME"))]:
    del os.environ[_name]
