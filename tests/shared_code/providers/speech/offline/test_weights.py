import zipfile

import numpy as np

from shared_code.providers.speech.offline.features import INPUTS
from shared_code.providers.speech.offline.inventory import CLASSES
from shared_code.providers.speech.offline.tones import FEATURES, TONES
from shared_code.providers.speech.offline.weights import FILE, load


def test_the_file_is_small_and_holds_plain_arrays_only() -> None:
    assert FILE.stat().st_size < 500_000
    with zipfile.ZipFile(FILE) as archive:
        assert all(name.endswith(".npy") for name in archive.namelist())
    with np.load(FILE, allow_pickle=False) as stored:
        assert all(stored[name].dtype.kind in "fU" for name in stored.files)


def test_its_networks_fit_the_units_and_the_features() -> None:
    weights = load()
    assert weights.acoustic[0].weights.shape[0] == INPUTS
    assert weights.acoustic[-1].weights.shape[1] == len(CLASSES) == len(weights.priors) == 61
    for head in weights.heads.values():
        assert len(head.members) == 3
        assert all(member[0].weights.shape[0] == FEATURES == len(head.mean) for member in head.members)
        assert all(member[-1].weights.shape[1] == len(TONES) for member in head.members)


def test_provenance_and_licence_are_beside_it() -> None:
    beside = FILE.with_name("WEIGHTS.md").read_text(encoding="utf-8")
    assert "CC BY-SA" in beside
    assert "Chen Wang" in beside
    assert "davinfifield" in beside
