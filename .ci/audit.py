"""Looks for known holes in the locked packages; where no advisory service answers, says that it did not.

`python .ci/audit.py LOCK` exits 1 where a package has a known hole.
"""

from __future__ import annotations

import json
import subprocess
import sys


def main(lock: str) -> int:
    """Audits every package of `lock` and prints what was found."""
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--requirement", lock]
    command += ["--timeout", "10", "--progress-spinner", "off", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        print(f"Audit of packages NOT RUN: {done.stderr.strip().splitlines()[-1:]}")
        return 0
    audited = [package for package in packages if "skip_reason" not in package]
    holes = [(package, hole) for package in audited for hole in package["vulns"]]
    for package, hole in holes:
        fixed = ", ".join(hole["fix_versions"]) or "no version yet"
        print(f"{package['name']} {package['version']}: {hole['id']}, fixed in {fixed}")
    if not audited:
        print(f"Audit of packages NOT RUN: no advisory service answered for any of {len(packages)}")
    else:
        print(f"Audit: {len(holes)} known holes in {len(audited)} packages, {len(packages) - len(audited)} not audited")
    return 1 if holes else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
