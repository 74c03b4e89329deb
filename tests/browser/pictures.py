"""The pictures that the docs show, of one made-up run: its report, wide and narrow, light and dark; its terminal."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from chromium import Chromium
from program import run_longwriter
from rich.console import Console
from shown_run import make_run

from longwriter_cli.llm.prices import Prices
from longwriter_cli.report.run_figures import run_figures
from longwriter_cli.report.terminal import show_run
from longwriter_cli.store.run import Run
from longwriter_cli.text.plan import plan_digest

PRICES = {"--price-in": 0.4, "--price-out": 1.6, "--price-cached": 0.1}
WIDE, NARROW = 1280, 390
TERMINAL_COLUMNS = 96


def main(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    directory = directory.resolve()
    with tempfile.TemporaryDirectory() as place, contextlib.chdir(place):
        run = make_run(Path("."))
        prices = [str(word) for pair in PRICES.items() for word in pair]
        run_longwriter("inspect", run, "--html", "report.html", *prices)
        draw_report(Path("report.html").resolve().as_uri(), directory)
        draw_terminal(run, directory)
    for picture in sorted(directory.iterdir()):
        print(f"{picture.name}  {picture.stat().st_size / 1000:.0f} KB")  # noqa: T201


def draw_report(address: str, directory: Path) -> None:
    with Chromium() as browser:
        for scheme in ("light", "dark"):
            for name, width, height in (("wide", WIDE, 1350), ("narrow", NARROW, 1600)):
                tab = browser.open(address, width=width, scheme=scheme)
                tab.until("document.querySelector('#count').textContent")
                tab.screenshot(directory / f"report-{name}-{scheme}.png", height=height)
                tab.close()
        tab = browser.open(address, width=WIDE)
        tab.until("document.querySelector('#count').textContent")
        tab.screenshot(directory / "report-list.png", top=tab.value(_TOP_OF.format("#reader")), height=900)
        tab.value("document.querySelector('#open-6').click()")
        tab.until("document.querySelector('#record .passage')")
        tab.screenshot(directory / "report-text.png", top=tab.value(_TOP_OF.format("#record")), height=900)
        errors = tab.errors
    assert not errors, errors


_TOP_OF = "Math.max(0, document.querySelector('{}').getBoundingClientRect().top + scrollY - 16)"


def draw_terminal(run: Path, directory: Path) -> None:
    """What `inspect` prints, by rich's own export, without the fonts that it would have fetched from a server."""
    out = Console(
        record=True, width=TERMINAL_COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    prices = Prices(PRICES["--price-in"], PRICES["--price-out"], PRICES["--price-cached"])
    with Run.read(run, plan_digest) as opened:
        show_run(out, opened, run_figures(opened, lambda failure: False), prices.cost_usd)
    svg = out.export_svg(title=f"longwriter inspect {run}")
    (directory / "inspect.svg").write_text(re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    os.environ.pop("OPENAI_BASE_URL", None)
    main(Path(sys.argv[1]))
