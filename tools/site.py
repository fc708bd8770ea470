"""Build the site into site/, strictly, and lay the benchmarks' plots beside the page that includes their figures.

`python -m tools.site`, from the project's folder.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

_PLOTS: Final = Path("benchmarks/results/plots")
_BESIDE: Final = Path("site/explanation/results/plots")  # RESULTS.md names its plots relative to itself: results/plots/...


def build() -> int:
    """Return Zensical's exit code: not 0 if a link leads nowhere."""
    code = subprocess.run(
        [sys.executable, "-c", "from zensical.main import cli; cli()", "build", "--strict", "--clean"], check=False
    ).returncode
    if code == 0 and _PLOTS.is_dir():
        shutil.copytree(_PLOTS, _BESIDE, dirs_exist_ok=True)
    return code


if __name__ == "__main__":
    sys.exit(build())
