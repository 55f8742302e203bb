"""The trained weights: one small file of plain arrays beside the code. WEIGHTS.md says where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared_code.providers.speech.offline.arrays import Floats
from shared_code.providers.speech.offline.network import Layer
from shared_code.providers.speech.offline.tones import Head, Heads, Kind

FILE = Path(__file__).with_name("weights.npz")
KINDS: tuple[Kind, ...] = ("isolated", "connected")


class Weights(NamedTuple):
    """The acoustic model with its classes' log priors, the four tone heads, and the training's version."""

    version: str
    acoustic: tuple[Layer, ...]
    priors: Floats
    heads: Heads


def load(file: Path = FILE) -> Weights:
    """Read the weights (some 10 ms). The file holds arrays only; no object in it is ever unpickled."""
    with np.load(file, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    heads = {(kind, known): _head(arrays, _head_name(kind, known)) for kind in KINDS for known in (True, False)}
    return Weights(str(arrays["version"]), _layers(arrays, "acoustic"), arrays["priors"], heads)


def save(weights: Weights, file: Path = FILE) -> None:
    """Write the weights in half precision; what scales the inputs stays in single."""
    arrays: dict[str, NDArray[np.generic]] = {"version": np.array(weights.version), "priors": weights.priors}
    arrays |= _halved(weights.acoustic, "acoustic")
    for (kind, known), head in weights.heads.items():
        name = _head_name(kind, known)
        arrays |= {f"{name}/mean": head.mean, f"{name}/scale": head.scale}
        for number, member in enumerate(head.members):
            arrays |= _halved(member, f"{name}/{number}")
    with file.open("wb") as target:
        np.savez_compressed(target, allow_pickle=False, **arrays)


def _head_name(kind: Kind, known: bool) -> str:
    return f"tones/{kind}/{'profile' if known else 'no-profile'}"


def _halved(layers: tuple[Layer, ...], name: str) -> dict[str, NDArray[np.generic]]:
    halves: dict[str, NDArray[np.generic]] = {}
    for number, layer in enumerate(layers):
        halves[f"{name}/{number}/weights"] = layer.weights.astype(np.float16)
        halves[f"{name}/{number}/bias"] = layer.bias.astype(np.float16)
    return halves


def _layers(arrays: Mapping[str, NDArray[np.generic]], name: str) -> tuple[Layer, ...]:
    layers: list[Layer] = []
    while f"{name}/{len(layers)}/weights" in arrays:
        place = f"{name}/{len(layers)}"
        layers.append(Layer(arrays[f"{place}/weights"].astype(np.float32), arrays[f"{place}/bias"].astype(np.float32)))
    return tuple(layers)


def _head(arrays: Mapping[str, NDArray[np.generic]], name: str) -> Head:
    members: list[tuple[Layer, ...]] = []
    while f"{name}/{len(members)}/0/weights" in arrays:
        members.append(_layers(arrays, f"{name}/{len(members)}"))
    return Head(arrays[f"{name}/mean"].astype(np.float32), arrays[f"{name}/scale"].astype(np.float32), tuple(members))
