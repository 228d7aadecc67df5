"""A powercap tree like that of a two-socket server, whose counters the test moves."""

from __future__ import annotations

from pathlib import Path

RANGE_UJ = 65_532_610_987
"""max_energy_range_uj of a 32-bit counter in units of 15.26 uJ: 65 kJ, four minutes of a busy package."""

SERVER = {
    "intel-rapl:0": "package-0",
    "intel-rapl:0:0": "core",
    "intel-rapl:0:1": "dram",
    "intel-rapl:1": "package-1",
    "intel-rapl:2": "psys",
    "intel-rapl-mmio:0": "package-0",
}


class FakePowercap:
    """Zones in a folder, by the names of the kernel's, each with a counter that wraps around."""

    def __init__(self, root: Path, zones: dict[str, str] | None = None, start_uj: int = 1_000_000) -> None:
        self.root = root
        self._counters = dict.fromkeys(SERVER if zones is None else zones, start_uj)
        for zone, name in (SERVER if zones is None else zones).items():
            folder = root / zone
            folder.mkdir(parents=True)
            (folder / "name").write_text(f"{name}\n")
            (folder / "max_energy_range_uj").write_text(f"{RANGE_UJ}\n")
            self.add_joules(zone, 0)

    def add_joules(self, zone: str, joules: float) -> None:
        """Let a zone use energy; a reader sees the old counter or the new one, never half a number."""
        self._counters[zone] = (self._counters[zone] + round(joules * 1e6)) % RANGE_UJ
        written = self.root / zone / "energy_uj.new"
        written.write_text(f"{self._counters[zone]}\n")
        written.replace(self.root / zone / "energy_uj")
