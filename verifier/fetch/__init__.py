"""The one impure corner of the verifier: HTTP, TUF and registries."""

import sys
from types import ModuleType
from typing import cast

# httpx loads its own command-line program where rich is installed, and with it pygments: 35 ms that nobody here needs.
# Python takes None for "there is no such module", and httpx does without.
sys.modules.setdefault("httpx._main", cast(ModuleType, None))
