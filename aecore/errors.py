"""One hierarchy of errors that a person can cause; pages and the command line catch only this."""


class AecoreError(Exception):
    """Base of every error whose message is one clear sentence meant for a person."""


class UnknownNameError(AecoreError):
    """A name that no registry holds; the message lists what there is."""

    def __init__(self, what: str, name: object, known: list[str]):
        super().__init__(f"There is no {what} called {name!r}; choose one of: {', '.join(known)}.")
        self.known = known
        self._given = (what, name, known)

    def __reduce__(self) -> tuple:
        """Errors cross from worker to app pickled; the default would lose two arguments."""
        return type(self), self._given


class ConfigError(AecoreError):
    """A value outside its range: says which one, what was expected and what was given."""


class DatasetError(AecoreError):
    """A dataset that is missing, damaged or of another shape than the model needs."""


class CheckpointError(AecoreError):
    """A file that is not a readable checkpoint of ours, or that cannot be written."""


class JobError(AecoreError):
    """A run that does not exist, belongs to another browser, or cannot do what was asked."""


class ExportError(AecoreError):
    """A model with a part that cannot be exported."""


class InspectionError(AecoreError):
    """A file whose network cannot be understood. `finding` names the fault where it is known."""

    def __init__(self, message: str, finding: str = "not-understood"):
        super().__init__(message)
        self.finding = finding


class Interrupted(AecoreError):
    """Work that was asked to stop before it was done."""
