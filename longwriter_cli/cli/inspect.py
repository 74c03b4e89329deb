"""`longwriter inspect`: a look at a run or a dataset. Takes no lock, makes no call, changes no file."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from longwriter_cli.cli.config import load_config
from longwriter_cli.errors import EXIT_OK
from longwriter_cli.llm.prices import Prices
from longwriter_cli.records import Failure, Usage
from longwriter_cli.report.dataset import dataset_figures, dataset_record
from longwriter_cli.report.json_form import dataset_row, entry_row, record_row, run_row
from longwriter_cli.report.record import run_record
from longwriter_cli.report.run_figures import exported, run_figures
from longwriter_cli.settings import Settings
from longwriter_cli.stages.failures import may_try, plan_basis, write_basis
from longwriter_cli.store.manifest import MANIFEST_NAME, Manifest
from longwriter_cli.store.run import INSTRUCTIONS, PLANS, SECTIONS, Run
from longwriter_cli.text.plan import plan_digest

_FILES_OF_A_RUN = (MANIFEST_NAME, INSTRUCTIONS, PLANS, SECTIONS)
