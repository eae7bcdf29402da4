"""Realistic made-up bins, for `ifcbscan demo` and for the tests.

The three files of a bin agree as those of an instrument do: every image that the `.adc` names lies
in the `.roi`. Columns and padding are those of iRfcb and of real bins (new style: width, height,
start byte in the 0-based columns 15, 16, 17 of 24; old style: 11, 12, 13 of 15, with one pad byte
at each end of the `.roi`). All values are invented. Standard library only, and no loop over pixels,
so that benchmarks can make thousands of bins.
"""

from __future__ import annotations

import datetime
import math
import os
import random
from dataclasses import dataclass
from pathlib import Path

MEAN_IMAGE_BYTES = 4000
"""About what the images of real bins take, one byte a pixel."""

_NOISE_BYTES = 8192
_RUN_SECONDS = 1200.0

# Random bytes -> a bright background around grey 180, and that -> a cell around grey 80.
_BACKGROUND = bytes(172 + value * 17 // 256 for value in range(256))
_CELL = bytes(max(0, min(255, 80 + (value - 180) * 5)) for value in range(256))

_ADC_FORMAT = (
    "trigger#, ADC_time, PMTA, PMTB, PMTC, PMTD, peakA, peakB, peakC, peakD, time of flight, "
    "grabtimestart, grabtimeend, ROIx, ROIy, ROIwidth, ROIheight,start_byte, comparator_out, "
    "STartPoint, SignalLength, status, runTime, inhibitTime"
)


@dataclass(frozen=True)
class BinContents:
    """The bytes of the three files of one bin."""

    hdr: bytes
    adc: bytes
    roi: bytes


@dataclass(frozen=True)
class _Row:
    """One row of the `.adc`: width and height in pixels (0 without an image), start in bytes."""

    trigger: int
    seconds: float
    width: int
    height: int
    start: int


def bin_contents(pid: str, images: int = 12, seed: int = 0, roi_bytes: int | None = None) -> BinContents:
    """A bin of `images` images; the same for the same arguments, on every Python.

    `roi_bytes` sizes the images so that the `.roi` has about that many bytes (else about
    MEAN_IMAGE_BYTES an image). Without images `.adc` and `.roi` are empty, except that an old-style
    `.roi` still has its two pad bytes. Raises ValueError for what is no pid.
    """
    old_style = pid.startswith("IFCB")
    sample_time = _sample_time(pid, old_style)
    rng = random.Random(f"{pid}/{seed}")
    sizes = _image_sizes(rng, images, roi_bytes)
    rows = _rows(rng, sizes, first_byte=1 if old_style else 0)
    pixels = _pixels(rng, sizes)
    if old_style:
        adc = "".join(_old_style_line(rng, row) for row in rows)
        return BinContents(_old_style_hdr(rng), adc.encode("ascii"), b"\0" + pixels + b"\0")
    adc = "".join(_new_style_line(rng, row) for row in rows)
    hdr = _new_style_hdr(rng, pid, sample_time, rows, images)
    return BinContents(hdr, adc.encode("ascii"), pixels)


def write_bin(
    folder: Path,
    pid: str,
    images: int = 12,
    seed: int = 0,
    roi_bytes: int | None = None,
    mtime: float | None = None,
) -> list[Path]:
    """Write a bin into `folder` (made if need be) in the instrument's order: .hdr, .adc, .roi last.

    `mtime`, in seconds since 1970, becomes the modification time of the files. Returns their paths.
    """
    contents = bin_contents(pid, images, seed, roi_bytes)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for extension, body in (("hdr", contents.hdr), ("adc", contents.adc), ("roi", contents.roi)):
        path = folder / f"{pid}.{extension}"
        path.write_bytes(body)
        if mtime is not None:
            os.utime(str(path), (mtime, mtime))
        paths.append(path)
    return paths


def _sample_time(pid: str, old_style: bool) -> datetime.datetime:
    if old_style:
        return datetime.datetime.strptime(pid[6:], "%Y_%j_%H%M%S")
    return datetime.datetime.strptime(pid[:16], "D%Y%m%dT%H%M%S")


def _image_sizes(rng: random.Random, images: int, roi_bytes: int | None) -> list[tuple[int, int]]:
    """Width and height in pixels of each image."""
    weights = [rng.uniform(0.4, 1.6) for _ in range(images)]
    total = MEAN_IMAGE_BYTES * images if roi_bytes is None else roi_bytes
    sizes = []
    for weight in weights:
        area = total * weight / sum(weights)
        height = max(2, round(math.sqrt(area / rng.uniform(1.0, 3.0))))
        sizes.append((max(2, round(area / height)), height))
    return sizes


def _rows(rng: random.Random, sizes: list[tuple[int, int]], first_byte: int) -> list[_Row]:
    """Rows for these images: some triggers with two of them, several with none."""
    if not sizes:
        return []
    per_trigger: list[int] = [0]
    left = len(sizes)
    while left:
        per_trigger.append(min(left, 2 if len(per_trigger) % 4 == 1 else 1))
        left -= per_trigger[-1]
        per_trigger.extend([0] * rng.randrange(3))
    per_trigger.append(0)

    rows = []
    images = iter(sizes)
    start = first_byte
    seconds = 0.0
    for trigger, count in enumerate(per_trigger, start=1):
        seconds += _RUN_SECONDS / len(per_trigger) * rng.uniform(0.5, 0.95)
        if count == 0:
            rows.append(_Row(trigger, seconds, 0, 0, start))
        for _ in range(count):
            width, height = next(images)
            rows.append(_Row(trigger, seconds, width, height, start))
            start += width * height
    return rows


def _pixels(rng: random.Random, sizes: list[tuple[int, int]]) -> bytes:
    """The images one after another, each a dark ellipse on a bright background."""
    longest = max((width for width, _ in sizes), default=0)
    length = _NOISE_BYTES + longest
    background = rng.getrandbits(8 * length).to_bytes(length, "little").translate(_BACKGROUND)
    cell = background.translate(_CELL)
    lines = []
    for width, height in sizes:
        reach_x, reach_y = width * rng.uniform(0.2, 0.45), height * rng.uniform(0.2, 0.45)
        for y in range(height):
            at = rng.randrange(_NOISE_BYTES)
            off = (y + 0.5 - height / 2) / reach_y
            half = int(reach_x * math.sqrt(1 - off * off)) if abs(off) < 1 else 0
            left, right = width // 2 - half, width // 2 + half
            lines.append(background[at : at + left])
            lines.append(cell[at + left : at + right])
            lines.append(background[at + right : at + width])
    return b"".join(lines)


def _new_style_line(rng: random.Random, row: _Row) -> str:
    detector = [f"{rng.uniform(0.001, 0.9):.5f}" for _ in range(8)]
    x, y = (rng.randrange(900), rng.randrange(700)) if row.width else (0, 0)
    cells = [str(row.trigger), f"{row.seconds:.6f}"]
    cells += detector
    cells += ["-999.00000", f"{row.seconds:.6f}", f"{row.seconds + 0.047:.6f}"]
    cells += [str(number) for number in (x, y, row.width, row.height, row.start)]
    cells += ["-999.000000", "0", "0", "0"]
    cells += [f"{row.seconds + 0.05:.6f}", f"{row.trigger * 0.0985:.6f}"]
    return ",".join(cells) + "\n"


def _old_style_line(rng: random.Random, row: _Row) -> str:
    detector = [f"{rng.uniform(-4.0, 0.1):.14f}" for _ in range(5)]
    x, y = (rng.randrange(900), rng.randrange(700)) if row.width else (-11, -11)
    cells = [str(row.trigger), f"{row.seconds:.6f}"]
    cells += detector
    cells += [f"{row.seconds - 0.2:.6f}", f"{row.seconds - 0.05:.6f}"]
    cells += [str(number) for number in (x, y, row.width, row.height, row.start)]
    cells += [f"{rng.uniform(-1.3, 0.0):.14f}", ""]  # old lines end with a comma
    return ",".join(cells) + "\n"


def _new_style_hdr(
    rng: random.Random, pid: str, sample_time: datetime.datetime, rows: list[_Row], images: int
) -> bytes:
    """A header as newer software writes it: the values known at the end of the run come first."""
    triggers = rows[-1].trigger if rows else 0
    lines = [
        f"triggerCount: {triggers}",
        f"roiCount: {images}",
        f"runTime: {_RUN_SECONDS + rng.uniform(0, 30):.6f}",
        f"inhibitTime: {triggers * 0.0985 + rng.uniform(0, 1):.6f}",
        f"temperature: {rng.uniform(8, 30):.6f}",
        f"humidity: {rng.uniform(2, 30):.6f}",
        "runType: NORMAL",
        "softwareVersion: made up by ifcbscan, not measured by an instrument",
        "sampleTime: {}".format(sample_time.strftime("%Y-%m-%dT%H:%M:%SZ")),
        f"imagerID: {int(pid[-3:])}",
        "SyringeSampleVolume: 5.000000",
        "syringeSize: 5",
        "binarizeThreshold: 30",
        "blobXgrowAmount: 20",
        "blobYgrowAmount: 5",
        "minimumBlobArea: 2000",
        "PMTAhighVoltage: 0.600000",
        "PMTBhighVoltage: 0.650000",
        "PMTAtriggerThreshold_DAQ_MCConly: 0.120000",
        "PMTBtriggerThreshold_DAQ_MCConly: 0.130000",
        "PMTtriggerSelection_DAQ_MCConly: 2",
        "FlashlampControlVoltage: 2.700000",
        "HumidityAlarmThreshold(%): 60.000000",
        "BeadsSampleVolume: 2.500000",
        "NumberSyringesBetweenBeadsRun: 50",
        "laserState: 1",
        "ADCFileFormat: " + _ADC_FORMAT,
    ]
    return ("\n".join(lines) + "\n").encode("ascii")


def _old_style_hdr(rng: random.Random) -> bytes:
    figures = (rng.uniform(8, 30), rng.uniform(10, 60))
    lines = [
        '"Made up by ifcbscan, in the form of acquisition software version 1.0"',
        '"Not measured by an instrument"',
        '"SyringeStatus =  0"',
        '"Temp Humidity BinarizeThresh PMT1hv(ssc) PMT2hv(chl) BlobSizeThresh"',
        '" {:.13f}"," {:.13f}"," 30"," .675"," .6"," 10"'.format(*figures),
    ]
    return ("\n".join(lines) + "\n").encode("ascii")
