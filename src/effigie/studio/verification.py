"""What `effigie verify` finds in a file, read by a process of its own: the file may be anybody's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from effigie.consent.store import ConsentStore
from effigie.errors import EffigieError

TIMEOUT_S = 300
SCRIPT = (
    "import json, sys; from effigie.consent import ConsentStore; from effigie.provenance import verify; "
    "found = verify(sys.argv[1], store=ConsentStore(sys.argv[2:])); "
    "json.dump({**found.to_json(), 'lines': found.lines}, sys.stdout, default=str)"
)


def verify_file(path: Path, store: ConsentStore) -> dict[str, Any]:
    """Verify a file; as :meth:`effigie.provenance.report.Verification.to_json`, with its ``lines``.

    Args:
        store: where the consents that the file rests on are looked for.

    Raises:
        EffigieError: it cannot be read as media, or takes longer than five minutes.
    """
    try:
        process = subprocess.run(
            [sys.executable, "-P", "-c", SCRIPT, str(path), *map(str, store.folders)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        late = f"{path.name} was not read within {TIMEOUT_S // 60} minutes: verify it in a terminal"
        raise EffigieError(late) from None
    if process.returncode == 0:
        return json.loads(process.stdout)
    lines = process.stderr.decode("utf-8", "replace").strip().splitlines() or [f"{path.name} cannot be read"]
    raise EffigieError(lines[-1].rpartition("Error: ")[2])
