"""`--push-to-hub`, against a fake hub: what comes there, whose card it is, and what a push that fails says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import datasets
import pytest
import yaml
from fake_hub import TOKEN, FakeHub
from fake_server import FakeServer
from program import at, essays, read_rows, run_longwriter, write_rows

NAME = "writer/rivers"
SPLIT = ("--split", "train=0.7,validation=0.3")


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as hub:
        yield hub


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of 30 short texts."""
    directory = tmp_path_factory.mktemp("hub")
    source = write_rows(directory / "in.jsonl", essays(30, 300))
    with FakeServer() as server:
        run_longwriter("build-dataset", source, "-r", directory / "run", *at(server))
    return directory / "run"


def push(finished: Path, out: Path, *options: object, hub: FakeHub, code: int = 0, env: dict[str, str] | None = None):  # type: ignore[no-untyped-def]
    command = ("build-dataset", "-r", finished, "--export-only", "--json", "-o", out, "--push-to-hub", NAME, *options)
    return run_longwriter(*command, env=hub.env if env is None else env, code=code)


def test_what_is_pushed_loads_as_what_was_exported(finished: Path, tmp_path: Path, hub: FakeHub) -> None:
    summary = push(finished, tmp_path / "d", *SPLIT, "--license", "cc-by-4.0", hub=hub).summary
    assert summary["hub"] == f"{hub.url}/datasets/{NAME}"
    assert summary["dataset"] == str(tmp_path / "d")
    hub.save(NAME, tmp_path / "clone")
    loaded = datasets.load_dataset(str(tmp_path / "clone"), cache_dir=str(tmp_path / "cache"))
    local = {path.name.partition("-")[0]: read_rows(path) for path in (tmp_path / "d").glob("*.jsonl")}
    assert {split: rows.to_list() for split, rows in loaded.items()} == local
    assert sum(map(len, local.values())) == 30
    card = hub.repos[NAME].files["README.md"].decode()
    assert yaml.safe_load(card.split("---\n")[1])["license"] == "cc-by-4.0"
    assert f'load_dataset("{NAME}")' in card
    assert hub.repos[NAME].commits == 1


def test_a_new_dataset_is_private_unless_public_is_said(finished: Path, tmp_path: Path, hub: FakeHub) -> None:
    push(finished, tmp_path / "d.jsonl", hub=hub)
    assert hub.repos[NAME].private
    assert set(hub.repos[NAME].files) == {"d.jsonl", "README.md"}
    hub.repos.clear()
    push(finished, tmp_path / "d.jsonl", "--public", hub=hub)
    assert not hub.repos[NAME].private


def test_another_push_takes_the_place_of_the_earlier_one_and_of_nothing_else(
    finished: Path, tmp_path: Path, hub: FakeHub
) -> None:
    push(finished, tmp_path / "d", *SPLIT, "--shard-size", "5KB", hub=hub)
    assert len(hub.repos[NAME].files) > 4
    hub.repos[NAME].files["notes.txt"] = b"mine"
    push(finished, tmp_path / "d", *SPLIT, hub=hub)
    data = {"train-00000-of-00001.jsonl", "validation-00000-of-00001.jsonl"}
    assert set(hub.repos[NAME].files) == {*data, "README.md", "notes.txt"}
    assert hub.repos[NAME].commits == 2


def test_a_card_that_was_edited_on_the_hub_stays_there(finished: Path, tmp_path: Path, hub: FakeHub) -> None:
    push(finished, tmp_path / "d", *SPLIT, hub=hub)
    hub.repos[NAME].files["README.md"] += b"One more word.\n"
    edited = hub.repos[NAME].files["README.md"]
    result = push(finished, tmp_path / "d", *SPLIT, "--license", "mit", hub=hub)
    assert "has been edited" in result.stderr
    assert hub.repos[NAME].files["README.md"] == edited
    (tmp_path / "d" / "README.md").write_text("---\nlicense: mit\n---\nMy own.\n")
    push(finished, tmp_path / "d", *SPLIT, hub=hub)
    assert hub.repos[NAME].files["README.md"].endswith(b"My own.\n")


@pytest.mark.parametrize(("status", "code"), [(401, 5), (403, 5), (500, 75), (503, 75), (400, 2)])
def test_a_push_that_fails_says_why_and_the_export_stays(
    status: int, code: int, finished: Path, tmp_path: Path, hub: FakeHub
) -> None:
    hub.fail = status
    result = push(finished, tmp_path / "d", *SPLIT, hub=hub, code=code)
    assert (result.summary["hub"], result.summary["exit_code"]) == (None, code)
    assert result.summary["dataset"] == str(tmp_path / "d")
    assert NAME in result.stderr
    assert "--export-only" in result.stderr
    assert "Traceback" not in result.stderr
    assert TOKEN not in result.stdout + result.stderr
    hub.fail = None
    assert push(finished, tmp_path / "d", *SPLIT, hub=hub).summary["hub"]


def test_a_hub_that_is_not_there_is_one_to_try_again(finished: Path, tmp_path: Path) -> None:
    with FakeHub() as hub:
        env = hub.env
    result = push(finished, tmp_path / "d", *SPLIT, hub=hub, env=env, code=75)
    assert result.summary["records"] == 30


def test_a_card_that_the_hub_refuses_ends_in_2(finished: Path, tmp_path: Path, hub: FakeHub) -> None:
    result = push(finished, tmp_path / "d", *SPLIT, "--license", "no-such-licence", hub=hub, code=2)
    assert '"license" is none' in result.stderr
    assert hub.repos[NAME].commits == 0


def test_a_name_of_somebody_else_s_ends_in_5(finished: Path, tmp_path: Path, hub: FakeHub) -> None:
    command = ("build-dataset", "-r", finished, "--export-only", "-o", tmp_path / "d.jsonl")
    result = run_longwriter(*command, "--push-to-hub", "another/rivers", env=hub.env, code=5)
    assert "another/rivers" in result.stderr


@pytest.mark.parametrize(
    ("options", "env", "words"),
    [
        (("--push-to-hub", "a/b/c"), {}, "a/b/c"),
        (("--push-to-hub", NAME), {"HF_TOKEN": ""}, "HF_TOKEN"),
        (("--push-to-hub", NAME), {"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE"),
        (("--push-to-hub", NAME, "--format", "hf"), {}, "--format parquet"),
        (("--public",), {}, "--push-to-hub"),
    ],
)
def test_what_cannot_be_pushed_is_told_before_the_first_call(
    options: tuple[str, ...], env: dict[str, str], words: str, tmp_path: Path, hub: FakeHub, server: FakeServer
) -> None:
    source = write_rows(tmp_path / "in.jsonl", essays(1, 300))
    command = ("build-dataset", source, "-r", tmp_path / "run", *at(server), *options)
    result = run_longwriter(*command, env=hub.env | env, code=2)
    assert words in result.stderr
    assert server.stats.calls == 0
    assert hub.repos == {}
