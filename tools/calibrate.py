"""Fit the constants of the engines: `python -m tools.calibrate CORPUS.csv DATE`.

Writes `src/tokonomics/physics/data/calibration.json`, and what cross-validation said to `docs/cross_validation.json`,
which `docs/accuracy.md` shows. `make calibrate` runs it with one thread a process: more would change the order of sums,
and so the last digits.
"""

import json
import sys
from hashlib import sha256
from pathlib import Path
from typing import Final

from tokonomics.catalog.load import load_catalog
from tokonomics.errors import TokonomicsError
from tokonomics.measure.calibration.calibrate import calibrate, calibration_cases, calibration_json
from tokonomics.measure.calibration.cross_validation import cross_validation
from tokonomics.measure.corpus import read_corpus

_ROOT: Final = Path(__file__).resolve().parents[1]
CALIBRATION: Final = _ROOT / "src" / "tokonomics" / "physics" / "data" / "calibration.json"
CROSS_VALIDATION: Final = _ROOT / "docs" / "cross_validation.json"
_DIGEST_CHARS: Final = 12


def main(args: list[str]) -> int:
    """Write the files; return the exit code."""
    if len(args) != 2:
        print("usage: python -m tools.calibrate CORPUS.csv DATE", file=sys.stderr)
        return 2
    corpus, fitted_on = Path(args[0]), args[1]
    try:
        cases = calibration_cases(read_corpus(corpus), load_catalog())
    except TokonomicsError as error:
        print("\n".join(error.violations), file=sys.stderr)
        return error.exit_code
    digest = sha256(corpus.read_bytes()).hexdigest()[:_DIGEST_CHARS]
    found = calibrate(cases, fitted_on=fitted_on, corpus_digest=digest)
    CALIBRATION.write_text(calibration_json(found.calibration), encoding="utf-8")
    CROSS_VALIDATION.write_text(json.dumps(cross_validation(found), indent=1) + "\n", encoding="utf-8")
    print(f"wrote {CALIBRATION.name} from {len(cases):,} cases")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
