"""`paceline push`: an export in a repository of the Hugging Face hub, with its model card.

The order is what keeps a push from ending in an empty repository: who pushes, and where, is asked
first; all files and the card go up in one commit; and what the hub has then is compared with what
was sent.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from huggingface_hub import CommitOperationAdd, HfApi, ModelCard
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    HTTPError,  # pyright: ignore[reportPrivateImportUsage]
    LocalTokenNotFoundError,
    RepositoryNotFoundError,
)

from .. import hub
from ..errors import ConfigError, first_line
from ..model.source import HUB_NAME
from ..run.entry import entry
from ..run.inference import config_of_model
from ..store.exports import Exported, exports_of, place_of
from ..store.run import Run
from .card import MARK, card_of
from .export import export
from .forms import To

CARD = "README.md"
"""Name of a repository's card."""
OURS_FROM_THE_START = {".gitattributes", CARD}
"""Files that a repository without any model may have."""


@entry
def push(
    path: Path | str,
    repository: str,
    *,
    public: bool = False,
    to: To = "folder",
    told: Callable[[str], None] = lambda said: None,
) -> str:
    """Put a run's model into a repository of the hub; private, unless it is said otherwise.

    Args:
        path: the run's directory.
        repository: its name, such as user/name; made if it is not there.
        public: True makes a new repository that everybody sees.
        to: the form, as in `export`; the run's newest export of it is taken, or made.
        told: called with the work that begins, in words.

    Returns: the repository's address.

    Raises: ConfigError for a run without a model, a missing or read-only token, a namespace that is
        not the token's, a repository that is another model's or that everybody sees unasked, and a
        hub that does not answer.
    """
    run = Run.open(path)
    config_of_model(run)
    if not HUB_NAME.fullmatch(repository):
        raise ConfigError(f"'{repository}' is no name of a repository; give USER/NAME.")
    api = HfApi(endpoint=hub.endpoint())
    with _of_the_hub(repository):
        told("asking the hub who pushes")
        _check_may_write(api.whoami(), repository)
        there = _check_free(api, repository, run.description.id, public)
    exported = _newest(run, to) or export(run.path, to, replace_old=True, told=told)
    files = _files(place_of(run, exported))
    operations = [CommitOperationAdd(name, str(file)) for name, file in files.items()]
    card = card_of(run, exported, repository).encode()
    operations.append(CommitOperationAdd(CARD, card))
    with _of_the_hub(repository):
        told(f"sending {len(operations)} files")
        made = api.create_repo(repository, private=not public, exist_ok=True)
        try:
            api.create_commit(repository, operations, commit_message=f"Model of {run.path.name}")
        except BaseException:
            if not there:  # an empty repository would look like a model
                with suppress(HTTPError, OSError):
                    api.delete_repo(repository)
            raise
        _check_arrived(api, repository, {name: file.stat().st_size for name, file in files.items()})
    return str(made)


def _newest(run: Run, to: To) -> Exported | None:
    """The newest export of a form that is still where it was written; None if it is older than the
    run's model, which a resume has replaced since."""
    trained = datetime.fromtimestamp(int(run.model.stat().st_mtime), UTC)
    for one in reversed(exports_of(run)):
        if one.to == to and place_of(run, one).exists():
            return one if datetime.fromisoformat(one.time) >= trained else None
    return None


def _files(path: Path) -> dict[str, Path]:
    """The files of an export by their names in the repository."""
    if path.is_file():
        return {path.name: path}
    every = sorted(file for file in path.rglob("*") if file.is_file())
    return {str(file.relative_to(path)): file for file in every if file.name != CARD}


def _check_may_write(me: dict[str, Any], repository: str) -> None:
    """Raise ConfigError if the token may not write to the repository's namespace."""
    namespace = repository.partition("/")[0]
    token = (me.get("auth") or {}).get("accessToken") or {}
    if token.get("role") == "read":
        raise ConfigError(
            f"The token of '{me['name']}' only reads; make one that writes at "
            f"{hub.endpoint()}/settings/tokens, and log in with `hf auth login`."
        )
    writable = {me["name"], *(one["name"] for one in me.get("orgs") or [])}
    if namespace not in writable:
        raise ConfigError(
            f"'{me['name']}' is no member of '{namespace}'; push to "
            f"{' or '.join(sorted(writable))}."
        )


def _check_free(api: HfApi, repository: str, run_id: str | None, public: bool) -> bool:
    """True if a repository is there, and may take the run's model.

    Raises: ConfigError if it holds another model, or everybody sees it and that was not asked for.
    """
    try:
        about = api.model_info(repository)
    except RepositoryNotFoundError:
        return False
    there = {one.rfilename for one in about.siblings or []}
    ours = run_id is not None and _run_of(api, repository, there) == run_id
    if not (there <= OURS_FROM_THE_START or ours):
        raise ConfigError(
            f"The repository '{repository}' exists, and holds something else than this run's "
            "model; give another name."
        )
    if not about.private and not public:
        raise ConfigError(
            f"The repository '{repository}' exists, and everybody sees it; say so with --public, "
            "or give another name."
        )
    return True


def _run_of(api: HfApi, repository: str, files: set[str]) -> object:
    """The identity of the run whose model a repository holds, as its card says."""
    if CARD not in files:
        return None
    try:
        return ModelCard.load(api.hf_hub_download(repository, CARD)).data.to_dict().get(MARK)
    except (EntryNotFoundError, ValueError):
        return None


def _check_arrived(api: HfApi, repository: str, sizes: dict[str, int]) -> None:
    """Raise ConfigError unless the hub has every file, in its whole size."""
    there = {
        one.rfilename: one.size
        for one in api.model_info(repository, files_metadata=True).siblings or []
    }
    wrong = sorted(n for n, size in sizes.items() if there.get(n) != size)
    if wrong or CARD not in there:
        raise ConfigError(
            f"The hub took the commit, but '{repository}' lacks {wrong[0] if wrong else CARD}, or "
            "has only a part of it; push again."
        )


@contextmanager
def _of_the_hub(repository: str) -> Iterator[None]:
    """A context in which what the hub answers is a sentence."""
    try:
        yield
    except LocalTokenNotFoundError:
        raise ConfigError(_NO_TOKEN) from None
    except HfHubHTTPError as error:
        code = error.response.status_code if error.response is not None else 0
        if code == 401:
            raise ConfigError(f"The hub does not know the token. {_NO_TOKEN}") from None
        if code == 403:
            raise ConfigError(
                f"The token may not write to '{repository}' ({_said(error)}); make one that may at "
                f"{hub.endpoint()}/settings/tokens."
            ) from None
        raise ConfigError(
            f"The hub refused ({_said(error)}); no model was left there. Push again later."
        ) from None
    except (HTTPError, OSError) as error:
        raise ConfigError(
            f"The hub at {hub.endpoint()} does not answer ({first_line(error)}); check the "
            "connection, or HF_ENDPOINT."
        ) from None


_NO_TOKEN = "Pushing needs a token that writes: log in with `hf auth login`, or set HF_TOKEN."


def _said(error: HfHubHTTPError) -> str:
    return (error.server_message or first_line(error))[:200]
