"""Joules of the processor packages and their DRAM: RAPL, through the powercap tree of the Linux kernel.

Source: Documentation/power/powercap of the kernel for the files and units (microjoules); Intel SDM volume 3B,
section RAPL Interfaces, for the update of about 1 ms. The counters hold all work on the packages, not this
process's alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vlm_profiling.measure.meters.base import HOST_CLOCK, Clock, EnergyReading, MeterError

POWERCAP = Path("/sys/class/powercap")
UPDATE_S = 1e-3
"""Time between two updates of a RAPL counter."""


@dataclass(frozen=True)
class Zone:
    """One RAPL domain: a package, or the DRAM behind it."""

    name: str
    energy_file: Path
    range_uj: int
    """The counter starts again from zero after this value."""

    def read_uj(self) -> int:
        """The counter in microjoules. Raises MeterError."""
        try:
            return int(self.energy_file.read_text())
        except PermissionError:
            raise MeterError(
                "RAPL is there, but only root may read it; as root: "
                "chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj "
                "(until the next boot; a udev rule for SUBSYSTEM powercap makes it stay)"
            ) from None
        except (OSError, ValueError) as error:
            raise MeterError(f"RAPL stopped answering ({type(error).__name__})") from None


class RaplMeter:
    """The packages of this host and their DRAM. Raises MeterError when there are none, or they cannot be
    read.
    """

    def __init__(self, powercap: Path = POWERCAP, clock: Clock = HOST_CLOCK) -> None:
        self.clock = clock
        self.zones = _find_zones(powercap)
        for zone in self.zones:
            zone.read_uj()

    def start(self) -> RaplWindow:
        """Open a window."""
        return RaplWindow(self.zones, self.clock)


class RaplWindow:
    """The RAPL counters between opening and closing, summed up sample by sample: they wrap around within
    minutes.
    """

    def __init__(self, zones: list[Zone], clock: Clock) -> None:
        self._zones, self._clock = zones, clock
        self._total_uj = 0
        self._last_uj = [zone.read_uj() for zone in zones]
        self._start_s = self._clock.now_s()

    def sample(self) -> None:
        """Add what every domain has counted since the last sample."""
        for index, zone in enumerate(self._zones):
            now_uj = zone.read_uj()
            counted_uj = now_uj - self._last_uj[index]
            self._total_uj += counted_uj if counted_uj >= 0 else counted_uj + zone.range_uj
            self._last_uj[index] = now_uj

    def finish(self) -> EnergyReading:
        """Close the window."""
        self.sample()
        seconds = self._clock.now_s() - self._start_s
        names = [zone.name for zone in self._zones]
        return EnergyReading(
            meter="RAPL package and DRAM" if any(name.endswith("dram") for name in names) else "RAPL package",
            device=", ".join(names),
            seconds=seconds,
            joules=self._total_uj / 1e6,
            relative_uncertainty=2 * UPDATE_S / seconds,  # the counters are up to one update old at both ends
        )


def _find_zones(powercap: Path) -> list[Zone]:
    """Packages and their DRAM. Left out: cores and graphics, which are parts of a package; psys, which holds
    the packages; intel-rapl-mmio, which is the same package seen another way."""
    folders = sorted(powercap.glob("intel-rapl:*"))
    try:
        names = {folder.name: (folder / "name").read_text().strip() for folder in folders}
        zones = [
            Zone(
                _label(folder.name, names),
                folder / "energy_uj",
                int((folder / "max_energy_range_uj").read_text()),
            )
            for folder in folders
            if names[folder.name] == "dram" or names[folder.name].startswith("package")
        ]
    except (OSError, ValueError) as error:
        raise MeterError(f"the host's RAPL tree cannot be read ({type(error).__name__})") from None
    if not zones:
        raise MeterError("no RAPL on this host")
    return zones


def _label(folder: str, names: dict[str, str]) -> str:
    """'package-0', or 'package-0 dram' for the DRAM in folder intel-rapl:0:1."""
    parent, _, _ = folder.rpartition(":")
    return f"{names[parent]} {names[folder]}" if parent in names else names[folder]
