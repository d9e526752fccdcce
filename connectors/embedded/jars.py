"""Kafka's jars: fetched once, checked against pinned hashes, kept in the user's cache."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import requests

from connectors.embedded.errors import JarsMissingError

KAFKA_VERSION = "4.1.1"
_LOCK = Path(__file__).with_name("kafka-jars.txt")
_CONNECTIONS = 6


class Jar(NamedTuple):
    """One pinned artifact."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def filename(self) -> str:
        """Its name in the cache."""
        return f"{self.artifact}-{self.version}.jar"


def pinned() -> tuple[Jar, ...]:
    """Return what a broker needs on its class path.

    Examples
    --------
    >>> next(jar.filename for jar in pinned() if jar.artifact == "kafka-clients")
    'kafka-clients-4.1.1.jar'
    """
    jars = []
    for line in _LOCK.read_text(encoding="ascii").splitlines():
        if not line.startswith("#"):
            sha256, coordinate = line.split()
            group, artifact, version = coordinate.split(":")
            jars.append(Jar(group, artifact, version, sha256))
    return tuple(jars)


def cache_dir(environ: Mapping[str, str]) -> Path:
    """Return the user's cache directory of forewarn.

    Examples
    --------
    >>> cache_dir({"XDG_CACHE_HOME": "/var/cache"}).as_posix()
    '/var/cache/forewarn'
    """
    home = environ.get("XDG_CACHE_HOME", "")
    base = Path(home) if Path(home).is_absolute() else Path.home() / ".cache"
    return base / "forewarn"


def jar_paths(cache: Path) -> list[Path]:
    """Return where the jars are kept in a cache directory, whether they are there or not."""
    return [_folder(cache) / jar.filename for jar in pinned()]


def ensure_jars(cache: Path, say: Callable[[str], None]) -> list[Path]:
    """Return the paths of all jars, fetching those that are missing.

    Safe when several processes ask at once: one fetches, the others wait for it. An interrupted download is taken up
    where it stopped.

    Parameters
    ----------
    cache
        Directory to keep them in; made if need be.
    say
        Told before a download starts.

    Raises
    ------
    JarsMissingError
        If they cannot be had, or one differs from what is pinned.
    """
    paths = jar_paths(cache)
    if all(path.exists() for path in paths):
        return paths
    folder = _folder(cache)
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / ".lock"):
        missing = [jar for jar in pinned() if not (folder / jar.filename).exists()]
        if missing:
            say(f"fetching Apache Kafka {KAFKA_VERSION} ({len(missing)} files, 43 MB in all) into {folder}, once")
            _fetch(missing, folder)
    return paths


def _folder(cache: Path) -> Path:
    return cache / f"kafka-{KAFKA_VERSION}"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(jars: list[Jar], folder: Path) -> None:
    with TemporaryDirectory(dir=folder, prefix=".fetch-") as scratch, ThreadPoolExecutor(_CONNECTIONS) as pool:
        try:
            for _ in pool.map(lambda jar: _fetch_one(jar, Path(scratch), folder), jars):
                pass
        except (requests.RequestException, RuntimeError, OSError) as error:
            pool.shutdown(cancel_futures=True)
            if isinstance(error, JarsMissingError):
                raise
            message = (
                f"Apache Kafka's jars are not all in {folder} and could not be fetched ({type(error).__name__}): "
                "connect this machine to the network once, copy that folder from a machine that has it, name a mirror "
                "under [repositories] in ~/.config/jgo.conf, or set FOREWARN_KAFKA_BOOTSTRAP to a Kafka of your own"
            )
            raise JarsMissingError(message) from error


def _fetch_one(jar: Jar, scratch: Path, folder: Path) -> None:
    from jgo.config import GlobalSettings
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.maven import MavenContext

    repositories = {**GlobalSettings.load().repositories, "central": MAVEN_CENTRAL_URL}
    context = MavenContext(repo_cache=scratch, local_repos=[], remote_repos=repositories, timeout=30)
    path = context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
    if hashlib.sha256(path.read_bytes()).hexdigest() != jar.sha256:
        message = f"{jar.filename} as fetched is not the file that is pinned: check the repositories in jgo.conf"
        raise JarsMissingError(message)
    path.replace(folder / jar.filename)
